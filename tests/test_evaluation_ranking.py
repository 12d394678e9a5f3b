from core.evaluation.ranking import ranking


def rows(*arguments):
    return ranking(*arguments).to_numpy().tolist()


def test_variants_that_nothing_tells_apart_share_the_first_rank():
    assert rows(["a", "b", "c"], []) == [["a", 1, 3], ["b", 1, 3], ["c", 1, 3]]


def test_a_clear_order_has_no_ties():
    better = [("a", "b"), ("a", "c"), ("b", "c")]
    assert rows(["c", "a", "b"], better) == [["c", 3, 3], ["a", 1, 1], ["b", 2, 2]]


def test_the_second_place_is_shared_and_the_next_rank_counts_everybody_above():
    better = [("a", "b"), ("a", "c"), ("a", "d"), ("b", "d"), ("c", "d")]
    assert rows(list("abcd"), better) == [["a", 1, 1], ["b", 2, 3], ["c", 2, 3], ["d", 4, 4]]


def test_one_between_two_that_differ_may_stand_anywhere():
    assert rows(list("abc"), [("a", "c")]) == [["a", 1, 2], ["b", 1, 3], ["c", 2, 3]]


def test_without_variants_there_are_no_ranks():
    assert ranking([], []).empty
