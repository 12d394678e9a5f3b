"""The glossary: the words of the field as pages, files and commands use them, each in a sentence or two.

Apart from the help texts of settings, which stand at their declarations. In the URL: section=glossary, find=seed.
"""

import streamlit as st

from dashboard.widgets.markdown import escaped

FIND = "find"

GLOSSARY = {
    "accuracy": "The share of samples whose predicted class is the true one.",
    "AUC": "The area under a ROC curve: the chance that a sample of the class is given a higher probability than one of "
    "another class. 50 % is guessing.",
    "augmentation": "A random change of images at training time, such as a turn or a shift. Validation and test stay as they are.",
    "baseline": "The variant that all others are compared with.",
    "batch size": "How many samples one step looks at.",
    "calibration": "Whether confidence can be believed: of all answers given with 80 %, 80 % should be right.",
    "checkpoint": "What a run needs to go on where it was: weights, the optimizer's state, the random generators' states.",
    "class, class names": "What a network may answer. A label is a number, and class names say what it means.",
    "confidence": "The largest of the probabilities: how sure the network is of what it predicts.",
    "confusion matrix": "How often each true class (row) was predicted as each class (column). The diagonal is right.",
    "data set": "Images with labels, in splits. It is known by its pixels: a run knows when they have changed since.",
    "dead neuron": "A unit whose activation is zero on every sample looked at; it learns nothing any more.",
    "discordant pair": "A sample that one variant gets right and the other wrong. Whether two variants differ follows from these alone.",
    "dropout": "Part of the units is switched off at random in each step of training, so that none is relied on alone.",
    "early stopping": "Training ends when validation has not improved for as many epochs as patience says.",
    "embedding": "A map of images by the features that the network finds in them: what it holds for alike lies close together.",
    "epoch": "One pass over the training split.",
    "expected calibration error": "How far confidence and accuracy lie apart, on the mean over all samples. 0 is perfect.",
    "F1": "One number for precision and recall of a class (their harmonic mean); macro F1 is the mean over the classes.",
    "history": "What a run recorded, one row an epoch: losses, accuracies, seconds.",
    "interval": "Where the true value lies with 95 % confidence, in brackets after the number. A short one takes many samples or seeds.",
    "job": "A run's place in the queue, and its process.",
    "label": "The true class of a sample.",
    "learning rate": "How far one step moves the weights.",
    "logits": "What a network's last layer says, one number a class, before they are made probabilities.",
    "loss": "What training makes small: how little probability the true class was given.",
    "MAE": "Mean absolute error of counts: how far a count is off, on average.",
    "margin": "How much more probability the true class has than the strongest other one. Negative is wrong.",
    "overfitting gap": "How much better a network is on the images that it learnt from than on others.",
    "patience": "How many epochs without improvement training waits before it stops.",
    "pipeline": "Augmentations in their order, each with the share of the images that it changes.",
    "precision": "Of all samples predicted as a class, the share that truly is of it.",
    "precision-recall curve": "Precision against recall of a class at every threshold of its probability.",
    "prediction, predicted": "The class with the largest probability.",
    "probabilities": "What the logits say as shares of 1, one a class.",
    "real": "A difference that chance alone would seldom make, after correcting for all pairs that were tested.",
    "recall": "Of all samples of a class, the share predicted as it.",
    "regression and fix": "A sample that was right in the baseline and is wrong now, and the reverse.",
    "RMSE": "Root mean squared error of counts: like MAE, but large errors weigh more.",
    "robustness": "How accuracy falls as test images are disturbed more and more.",
    "ROC curve": "Of a class: the share of its samples found, against the share of others taken for it, at every threshold.",
    "run": "One training of one variant with one seed, and the folder that holds all of it.",
    "saliency": "Which pixels of an image move the network's answer most.",
    "sample": "One image and its label. Its number is its position in its split and never changes.",
    "seed": "The number from which weights, order and everything random are drawn. Equal seeds give equal runs.",
    "split": "A part of the data set: train to learn from, validation to watch and choose by, test to judge by at the end.",
    "stage": "A part of training with settings of its own; it starts from the best weights of the one before.",
    "step": "One update of the weights, from one batch.",
    "suite": "Variants that are trained together because they answer one question.",
    "train in evaluation mode": "Accuracy on training images as they are, without augmentation or dropout: what compares with validation.",
    "variant": "What is compared: network, augmentation and training settings. The seed is not part of it.",
    "weight decay": "Each step shrinks the weights a little, which holds them small.",
    "weights": "The numbers that training fits. The best weights are those of the epoch with the best validation.",
}  # fmt: skip
"""Word -> meaning, by the alphabet."""


def glossary(key: str) -> None:
    """Show the field to search in and the words found, all of them at first.

    Args:
        key: of the widgets.
    """
    st.session_state[key] = st.query_params.get(FIND, "")[:60]
    text = st.text_input(
        "Find a word",
        key=key,
        placeholder="such as calibration",
        icon=":material/search:",
        on_change=lambda: _search(st.session_state[key]),
        width=320,
    )
    rows = found(text)
    if not rows:
        st.markdown(
            f"No word here has **{escaped(text)}** in it. Pages say beside each chart how to read it."
        )
        return
    half = -(-len(rows) // 2)
    for column, part in zip(st.columns(2, gap="large"), (rows[:half], rows[half:]), strict=True):
        column.markdown("\n".join(f"- **{escaped(word)}**: {meaning}" for word, meaning in part))


def found(text: str) -> list[tuple[str, str]]:
    """Return the words and meanings that have a text in them, those with it in the word first; letter case does not count."""
    wanted = text.strip().casefold()
    rows = [row for row in GLOSSARY.items() if wanted in f"{row[0]} {row[1]}".casefold()]
    return sorted(rows, key=lambda row: wanted not in row[0].casefold())


def _search(text: str) -> None:
    if text.strip():
        st.query_params[FIND] = text.strip()
    elif FIND in st.query_params:
        del st.query_params[FIND]
