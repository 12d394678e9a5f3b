"""CSV cells: headers, and the same values by the quick and the careful way."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.datasets import csv_cells
from core.datasets.csv_blocks import Block
from core.datasets.csv_cells import parsed_header, parsed_rows
from core.exceptions import InvalidInput

PIXELS = [f"pix{number}" for number in range(1, 17)]
HEADER = ",".join([*PIXELS, "label"]).encode()


def header_refusal(header, **options):
    with pytest.raises(InvalidInput) as caught:
        parsed_header(header, "t.csv", **options)
    return str(caught.value)


def rows_of(text, header=HEADER, **options):
    columns = parsed_header(header, "t.csv", **options)
    return parsed_rows(Block(text, 2, 1.0), columns, "t.csv", 1)


def test_the_label_is_found_last_first_and_in_the_middle():
    for at in (0, 7, 16):
        names = [*PIXELS[:at], "Label", *PIXELS[at:]]
        columns = parsed_header(",".join(names).encode(), "t.csv")
        assert (columns.label, columns.id, columns.side) == (at, None, 4)


def test_the_id_is_found_and_no_pixel():
    columns = parsed_header(",".join(["ID", *PIXELS]).encode(), "t.csv", needs_label=False)
    assert (columns.label, columns.id, columns.side) == (None, 0, 4)


def test_the_row_numbers_that_pandas_writes_are_an_id():
    assert parsed_header(b"," + HEADER, "t.csv").id == 0


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(separator):
    columns = parsed_header(HEADER.replace(b",", separator.encode()), "t.csv")
    assert (columns.separator, columns.label) == (separator, 16)


def test_quoted_names_are_read():
    header = ",".join(f'"{name}"' for name in [*PIXELS, "label"]).encode()
    assert parsed_header(header, "t.csv").names == (*PIXELS, "label")


@pytest.mark.parametrize(("asked", "at"), [("first", 0), ("last", 16), ("kind", 16), ("KIND", 16)])
def test_the_label_column_can_be_chosen(asked, at):
    names = ["kind", *PIXELS] if asked == "first" else [*PIXELS, "kind"]
    assert parsed_header(",".join(names).encode(), "t.csv", label_column=asked).label == at


def test_a_table_without_label_column_is_refused():
    assert header_refusal(",".join(PIXELS).encode()) == (
        "'t.csv' has no label column: none of its 16 columns is called 'label' or 'class'; the first is 'pix1' and the"
        " last 'pix16'. Say which it is by the option label_column (first, last or its name)."
    )


def test_a_label_column_that_is_not_there_is_refused_with_the_nearest():
    message = header_refusal(HEADER, label_column="lable")
    assert message == "'t.csv' has no column 'lable' for the label. Did you mean 'label'?"


def test_two_label_columns_are_refused():
    assert "two columns that may hold the label, 'label' and 'class'" in header_refusal(
        HEADER + b",class"
    )


def test_a_column_named_twice_is_refused():
    assert "names 'pix3' 2 times" in header_refusal(HEADER.replace(b"pix4,", b"pix3,"))


def test_a_table_without_header_is_refused():
    message = header_refusal(b"0,12,255,3")
    assert message.startswith("'t.csv' has no header: its first line holds only numbers.")


def test_pixels_that_make_no_square_are_refused_with_the_nearest_squares():
    header = ",".join([f"pix{n}" for n in range(1, 1024)] + ["label"]).encode()
    assert header_refusal(header) == (
        "The pixel columns must make a square image; 't.csv' has 1,023 pixel columns ('pix1' to 'pix1023', label and ID"
        " left out). The nearest squares are 961 (31x31) and 1,024 (32x32)."
    )


def test_colour_is_refused_with_the_way_to_import_it():
    header = ",".join([f"pix{n}" for n in range(1, 49)] + ["label"]).encode()
    assert (
        "a 4x4 colour image; a pixel CSV is grey: import colour as an image folder"
        in header_refusal(header)
    )


@pytest.mark.parametrize("number", [0, 1, 4, 9, 513 * 513])
def test_images_too_small_or_too_large_are_refused(number):
    header = ",".join([f"pix{n}" for n in range(number)] + ["label"]).encode()
    message = header_refusal(header)
    assert (
        f"Images have from 4x4 to 512x512 pixels; 't.csv' has {number:,} pixel columns" in message
    )


def test_pixels_out_of_order_are_refused():
    message = header_refusal(HEADER.replace(b"pix3,pix4", b"pix4,pix3"))
    assert "out of order: 'pix4' follows 'pix2'" in message


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["weight", *PIXELS[:15]], "'weight' of 't.csv' is no pixel.* 'pix16' is missing. Remove .* and add"),
        (["weight", *PIXELS], "'weight' of 't.csv' is no pixel: 16 .* pix1 to pix16. Remove what is no pixel."),
        ([*PIXELS[1:15], "a", "b7"], "'a', 'b7' of 't.csv' are no pixels.* 'pix1', 'pix16' are missing"),
        ([*PIXELS[:8], "pix", *PIXELS[9:]], "'pix' of 't.csv' is no pixel.* 'pix9' is missing"),
    ],
)  # fmt: skip
def test_a_column_among_numbered_pixels_is_named_even_if_the_number_is_right(names, words):
    message = header_refusal(",".join(["ID", *names]).encode(), needs_label=False)
    assert re.search(words, message)


def test_pixels_of_two_names_are_no_strangers_to_each_other():
    names = [*(f"a{number}" for number in range(8)), *(f"b{number}" for number in range(8))]
    assert parsed_header(",".join(names).encode(), "t.csv", needs_label=False).side == 4


def test_names_by_row_and_column_tell_no_order():
    names = [f"{row}x{column}" for row in range(1, 5) for column in range(1, 5)]
    assert parsed_header(",".join(["label", *names]).encode(), "t.csv").side == 4


def test_a_header_that_is_no_utf8_is_refused():
    assert "The header of 't.csv' is not UTF-8" in header_refusal(b"\xe9," + HEADER)


@given(st.lists(st.lists(st.integers(0, 255), min_size=16, max_size=16), min_size=1, max_size=5))
def test_the_quick_and_the_careful_way_agree(values):
    text = b"".join(b"%s,7\n" % ",".join(map(str, row)).encode() for row in values)
    columns = parsed_header(HEADER, "t.csv")
    block = Block(text, 2, 1.0)
    quick = csv_cells._plain_rows(block, columns)
    careful = csv_cells._careful_rows(block, columns, "t.csv", 1)
    np.testing.assert_array_equal(quick.pixels, values)
    np.testing.assert_array_equal(careful.pixels, values)
    assert quick.labels == careful.labels == ["7"] * len(values)
    assert list(quick.lines) == careful.lines


@given(st.text(alphabet='0123456789,;\n-. "x\r\t', max_size=120))
def test_the_quick_way_never_reads_what_the_careful_way_refuses(text):
    columns = parsed_header(HEADER, "t.csv")
    whole = ("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,0\n" + text + "\n").encode()
    block = Block(whole, 2, 1.0)
    quick = csv_cells._plain_rows(block, columns)
    if quick is not None:
        careful = csv_cells._careful_rows(block, columns, "t.csv", 1)
        np.testing.assert_array_equal(quick.pixels, careful.pixels)
        assert quick.labels == careful.labels


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["label", *PIXELS], "shoe,{}"),
        (["ID", *PIXELS, "label"], "17499,{},shoe"),
        (["ID", "label", *PIXELS], "17499,shoe,{}"),
        ([*PIXELS, "label", "ID"], "{},shoe,17499"),
        (["label", *PIXELS, "ID"], "shoe,{},17499"),
    ],
)
def test_label_and_id_may_be_of_any_form_first_and_last(names, line):
    text = (line.format(",".join(map(str, range(240, 256)))) + "\n").encode()
    columns = parsed_header(",".join(names).encode(), "t.csv")
    rows = csv_cells._plain_rows(Block(text, 2, 1.0), columns)
    assert rows.pixels.tolist() == [list(range(240, 256))]
    assert rows.labels == ["shoe"] and rows.ids in (None, ["17499"])


def test_a_label_in_the_middle_is_read_with_care():
    names = [*PIXELS[:3], "label", *PIXELS[3:]]
    rows = rows_of(b"0,1,2,shoe,3,4,5,6,7,8,9,10,11,12,13,14,15\n", ",".join(names).encode())
    assert rows.pixels.tolist() == [list(range(16))] and rows.labels == ["shoe"]


@pytest.mark.parametrize(
    "written",
    [
        '"0","1","2"', " 0 ,\t1, 2", "000,001,002", "0.0,1.0,2.", "+0,+1,+2",
    ],
)  # fmt: skip
def test_legal_but_odd_numbers_are_read(written):
    rows = rows_of(f"{written},{','.join(['9'] * 13)},5\n".encode())
    assert rows.pixels.tolist() == [[0, 1, 2] + [9] * 13] and rows.labels == ["5"]


def test_empty_lines_are_no_rows_but_count_as_lines():
    line = ",".join(["1"] * 16) + ",5\n"
    rows = rows_of(f"\n{line}\n\n{line}\n".encode())
    assert len(rows.pixels) == 2 and list(rows.lines) == [3, 6]


BAD = {
    "nan": "A pixel is a whole number from 0 to 255; 't.csv', row 2 (line 3), column 'pix3' holds 'nan'."
    " Correct it or remove the row.",
    "": "A pixel is a whole number from 0 to 255; 't.csv', row 2 (line 3), column 'pix3' is empty."
    " Fill it in or remove the row.",
    "dark": "column 'pix3' holds 'dark'. Correct it or remove the row.",
    "255.5": "column 'pix3' holds '255.5'. Scale the table to whole numbers from 0 to 255.",
    "300": "column 'pix3' holds '300'. Correct it or remove the row.",
    "256": "column 'pix3' holds '256'. Correct it or remove the row.",
    "-1": "column 'pix3' holds '-1'. Correct it or remove the row.",
    "1000": "column 'pix3' holds '1000'. Correct it or remove the row.",
    "1e2": "column 'pix3' holds '1e2'. Correct it or remove the row.",
    "٣": "column 'pix3' holds '٣'. Correct it or remove the row.",
    "x" * 1000: f"column 'pix3' holds '{'x' * 39}…'. Correct it or remove the row.",
}


@pytest.mark.parametrize("cell", BAD)
def test_a_pixel_that_is_none_is_named_with_row_and_column(cell):
    good = ",".join(["1"] * 16) + ",5\n"
    bad = ",".join(["1", "1", cell, *["1"] * 13]) + ",5\n"
    with pytest.raises(InvalidInput) as caught:
        rows_of((good + bad).encode())
    assert str(caught.value).endswith(BAD[cell])


@pytest.mark.parametrize("number", [1, 16, 18, 34])
def test_a_row_of_another_length_is_named(number):
    good = ",".join(["1"] * 17) + "\n"
    with pytest.raises(InvalidInput) as caught:
        rows_of((good + ",".join(["1"] * number) + "\n" + good).encode())
    assert str(caught.value) == (
        f"Each row must have the 17 values that the header names; 't.csv', row 2 (line 3), has {number}."
        " Correct the row or remove it."
    )


def test_a_comma_in_a_table_of_semicolons_is_named():
    header = HEADER.replace(b",", b";")
    with pytest.raises(InvalidInput, match=r"column 'pix1' holds '1,5'. Scale the table"):
        rows_of(b"1,5;" + b";".join([b"1"] * 15) + b";5\n", header)


def test_a_quote_that_is_not_closed_is_named():
    with pytest.raises(InvalidInput, match=r"'t.csv', row 1 \(line 2\), cannot be read as CSV"):
        rows_of(b'"1,' + b",".join([b"1"] * 16) + b"\n")


def test_bytes_that_are_no_utf8_are_named():
    good = b",".join([b"1"] * 17) + b"\n"
    with pytest.raises(InvalidInput, match=r"line 3 holds the byte 0xE9. Save it as CSV in UTF-8"):
        rows_of(good + b",".join([b"1"] * 16) + b",caf\xe9\n")
