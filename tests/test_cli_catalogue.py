def test_a_data_set_has_the_promised_keys(facts, data_dir):
    shown = facts("datasets", "show", "digits", "--data", data_dir)
    assert set(shown) >= {
        "name",
        "kind",
        "images",
        "height",
        "width",
        "channels",
        "classes",
        "class_names",
        "missing_classes",
        "splits",
        "counts",
    }
    assert (shown["name"], shown["images"], shown["classes"]) == ("digits", 1797, 10)
    assert (shown["height"], shown["width"], shown["channels"]) == (8, 8, 1)
    assert shown["splits"] == {"train": 1077, "validation": 360, "test": 360}
    assert sum(shown["counts"]) == 1797


def test_a_variant_shows_layers_parameters_and_settings(petridish, facts, data_dir):
    call = ["variants", "show", "dense-base", "--dataset", "digits", "--data", data_dir]
    shown = facts(*call)
    assert shown["name"] == "dense-base"
    assert shown["dataset"] == "digits"
    assert shown["parameters"] == sum(layer["parameters"] for layer in shown["layers"])
    assert shown["training"]["learning_rate"] == 0.001
    status, out, err = petridish(*call)
    assert (status, err) == (0, "")
    for text in ("dense-base", "Linear", "hidden_layers", "  learning_rate          0.001\n"):
        assert text in out


def test_a_variant_that_does_not_fit_a_data_set_is_bad_input(petridish, data_dir):
    status, out, err = petridish(
        "variants", "show", "shapes-net", "--dataset", "digits", "--data", data_dir
    )
    assert (status, out) == (2, "")
    assert err.startswith("petridish: The count head of shapes-net needs a data set")
