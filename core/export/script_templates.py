"""What every script says around the parts that are taken over or read off the run: plain text, with marked lines.

A line that ends in "#? NAME" is there only if the script has that feature, one that ends in "#? !NAME" only if it has
not: so a script of a plain training shows a plain training. The features are listed in script_text.py. That the lines
do what this library does is what the tests of the scripts are for.
"""

import re
from collections.abc import Collection

_MARKED = re.compile(r"^(.*?)\s*#\? (!?)(\w+)$")


def chosen_lines(template: str, features: Collection[str]) -> str:
    """Return a template's lines that these features want, without their marks."""
    lines: list[str] = []
    for line in template.splitlines():
        marked = _MARKED.match(line)
        if marked is None:
            lines.append(line)
        elif (marked[3] in features) != bool(marked[2]):
            lines.append(marked[1])
    return "\n".join(lines).strip("\n") + "\n"


AUGMENTATION = '''
class Augmentation:
    """A step. What it draws is a function of seed, epoch, step and sample, so neither batch nor order matters."""

    place: str
    probability: float

    def draw(self, source: StepDraws, image_shape: ImageShape) -> dict[str, NDArray[Any]]:
        """Return the numbers that `apply` needs, one a sample."""
        return {}

    def symmetry(self, numbers: Numbers, num_samples: int) -> NDArray[np.int64] | None:
        """Return which symmetry of the square is applied to each sample; None if none ever is."""
        return None


# The steps
class EpochPictures:
    """What training sees in one epoch."""

    def __init__(self, images: Tensor, labels: Tensor, counts: Tensor | None, epoch: int) -> None:
        self.images, self.labels, self.counts = images, labels, counts
        self.num_rows = len(labels)  #? !expansion
        self.num_rows = len(labels) * len(COPIES)  #? expansion
        self.draws = [drawn(step, epoch, self.num_rows) for step in STEPS]  #? steps

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return images (B, C, H, W), labels (B,) and counts (B, T) of some rows."""
        images, labels = self.images[rows], self.labels[rows]  #? !expansion
        counts = None if self.counts is None else self.counts[rows]  #? !expansion
        # The copies of a sample are rows beside each other.  #? expansion
        samples = rows // len(COPIES)  #? expansion
        images, labels = self.images[samples], self.labels[samples]  #? expansion
        counts = None if self.counts is None else self.counts[samples]  #? expansion
        for number, kind in enumerate(COPIES):  #? expansion
            chosen = (rows % len(COPIES) == number).nonzero()[:, 0]  #? expansion
            if "zoom" in kind:  #? expansion
                images[chosen] = zoomed(images[chosen], ZOOM_PIXELS)  #? expansion
            if "flip" in kind:  #? expansion
                images[chosen] = images[chosen].flip(3)  #? expansion
                labels[chosen] = CLASS_MOVES[4, labels[chosen]]  #? expansion_moves
                if counts is not None:  #? expansion_count_moves
                    counts[chosen] = counts[chosen][:, COUNT_SOURCES[4]]  #? expansion_count_moves
        for step, (hit, numbers, symmetry) in zip(STEPS, self.draws, strict=True):  #? steps
            chosen = hit[rows].nonzero()[:, 0]  #? steps
            if not len(chosen):  #? steps
                continue  #? steps
            values = {name: one[rows[chosen]] for name, one in numbers.items()}  #? steps
            images[chosen] = step.apply(images[chosen], values)  #? steps
            if symmetry is not None:  #? step_moves
                labels = CLASS_MOVES[symmetry[rows], labels]  #? step_moves
                if counts is not None:  #? step_count_moves
                    counts = counts.gather(1, COUNT_SOURCES[symmetry[rows]])  #? step_count_moves
        return images.contiguous(), labels, counts


def drawn(step: Augmentation, epoch: int, num_rows: int):  #? steps
    """Return which rows a step hits, the numbers of each, and the symmetry applied to each."""  #? steps
    source = StepDraws(SEED, epoch, step.place, num_rows)  #? steps
    hit = source.uniform("hit") < step.probability  #? steps
    numbers = step.draw(source, IMAGE_SHAPE)  #? steps
    symmetry = step.symmetry(numbers, num_rows)  #? steps
    values = {  #? steps
        name: torch.from_numpy(one.astype(np.float32) if one.dtype.kind == "f" else one)  #? steps
        for name, one in numbers.items()  #? steps
    }  #? steps
    if symmetry is not None:  #? steps
        symmetry = torch.from_numpy(np.where(hit, symmetry, 0))  #? steps
    return torch.from_numpy(hit), values, symmetry  #? steps
'''

TRAINING = '''
def to_input(images: Tensor) -> Tensor:
    """Map uint8 images (B, C, H, W) to float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimizer of a stage; one fused kernel is faster and rounds its own way."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    only_sgd = {}  #? sgd
    if config.optimizer == "sgd":  #? sgd
        only_sgd = {"momentum": config.momentum, "nesterov": config.is_nesterov}  #? sgd
    return kind[config.optimizer](
        network.parameters(),
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
        **only_sgd,  #? sgd
    )


def batch_loss(
    outputs: Outputs,
    labels: Tensor,
    counts: Tensor | None,
    config: TrainingConfig,
    weights: Tensor | None,
) -> Tensor:
    """Return what is minimised: cross entropy."""  #? !count_loss
    """Return what is minimised: cross entropy and weighted smooth L1 of the counts."""  #? count_loss
    class_loss = functional.cross_entropy(
        outputs.logits, labels, weight=weights, label_smoothing=config.label_smoothing
    )
    loss = config.class_loss_weight * class_loss  #? count_loss
    count_loss = functional.smooth_l1_loss(outputs.counts, counts)  #? count_loss
    weighted = config.count_loss_weight * count_loss  #? count_loss
    return weighted if config.class_loss_weight == 0 else loss + weighted  #? count_loss
    return config.class_loss_weight * class_loss  #? !count_loss


@torch.inference_mode()
def evaluate(network: nn.Module, split: Split, config: TrainingConfig) -> tuple[float, float]:
    """Return loss and accuracy on a split, of outputs rounded to float16 as the run stores them."""
    network.eval()
    outputs = [
        network(to_input(torch.tensor(split.images[start : start + 512])))
        for start in range(0, len(split.images), 512)
    ]
    network.train()
    logits = torch.cat([one.logits for one in outputs]).float().numpy().astype(np.float16)
    is_right = (logits.argmax(axis=1) == split.labels) & np.isfinite(logits).all(axis=1)
    loss = config.class_loss_weight * mean_or_nan(cross_entropy(logits, split.labels))
    counts = torch.cat([one.counts for one in outputs]).float().numpy()  #? count_loss
    errors = counts.astype(np.float16).astype(np.float64) - split.counts  #? count_loss
    loss += config.count_loss_weight * mean_or_nan(smooth_l1(errors))  #? count_loss
    return loss, float(is_right.mean())


def train(data: dict[str, Split]) -> Iterator[tuple[int, float, float, float]]:
    """Fit the weights; yield epoch, train_loss, validation_loss, validation_accuracy at each epoch's end."""
    network = build_network().train()
    # What dropout draws while training; the first weights took the seed itself.
    torch.manual_seed(int(np.random.SeedSequence([SEED, 0]).generate_state(1, np.uint32)[0]))
    images = torch.tensor(data["train"].images)
    labels = torch.tensor(data["train"].labels, dtype=torch.int64)
    counts = None  #? !count_loss
    counts = torch.tensor(data["train"].counts, dtype=torch.float32)  #? count_loss
    network.fit(images)  #? standardised
    epoch = 0
    evaluated = network  #? stages
    best_weights = None  #? from_best
    for config in STAGES:  #? !stages
    for stage, config in enumerate(STAGES):  #? stages
        if stage > 0:  #? stages
            # From the best epoch of the stage before, or from its last.  #? from_best
            if STARTS_FROM[stage] == "last":  #? from_best
                best_weights = evaluated.state_dict()  #? from_best
            if best_weights is not None:  #? from_best
                network.load_state_dict(best_weights)  #? from_best
            best_weights = None  #? from_best
            network.load_state_dict(evaluated.state_dict())  #? from_last
        rule, stopping, step = make_optimizer(network, config), EarlyStopping(), 0
        weights = None
        if config.class_weights == "balanced":  #? class_weights
            weights = balanced_class_weights(labels, len(CLASS_NAMES))  #? class_weights
        evaluated = network
        if config.ema_decay > 0:  #? ema
            moving = get_ema_multi_avg_fn(config.ema_decay)  #? ema
            average = AveragedModel(network, multi_avg_fn=moving, use_buffers=True)  #? ema
            evaluated = average.module  #? ema
        for _ in range(config.max_epochs):
            epoch += 1
            pictures = EpochPictures(images, labels, counts, epoch)
            order = torch.from_numpy(epoch_order(SEED, epoch, pictures.num_rows))
            bounds = batch_bounds(pictures.num_rows, config.batch_size)
            losses = []
            for start, stop in bounds:
                for group in rule.param_groups:
                    group["lr"] = learning_rate(config, step, len(bounds))
                shown, truth, figures = pictures.batch(order[start:stop])
                with _computing(config, torch.device("cpu")):  #? precision
                    loss = batch_loss(network(to_input(shown)), truth, figures, config, weights)  #? precision
                loss = batch_loss(network(to_input(shown)), truth, figures, config, weights)  #? !precision
                rule.zero_grad(set_to_none=True)
                loss.backward()
                if config.gradient_clip > 0:  #? clip
                    nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)  #? clip
                rule.step()
                if config.ema_decay > 0:  #? ema
                    average.update_parameters(network)  #? ema
                step += 1
                losses.append(loss.item())
            if not np.isfinite(losses).all():
                sys.exit(f"The loss was not finite in epoch {epoch}: take a smaller learning rate.")
            sizes = [stop - start for start, stop in bounds]
            train_loss = float(np.average(losses, weights=sizes))
            loss, accuracy = evaluate(evaluated, data["validation"], config)
            yield epoch, train_loss, loss, accuracy
            metrics = {"validation_loss": loss, "validation_accuracy": accuracy}
            watched = score(metrics, config.early_stopping_metric)
            stopping = stopping.updated(epoch, watched, config.min_gain)
            if stopping.best_epoch == epoch:  #? from_best
                best_weights = {  #? from_best
                    name: one.clone() for name, one in evaluated.state_dict().items()  #? from_best
                }  #? from_best
            if stopping.is_exhausted(config.patience):
                break
'''

CHECK = '''
def largest_differences(rows: list[tuple[int, float, float, float]]) -> dict[str, float]:
    """Return how far these epochs lie from the stored ones, by what was measured."""
    stored = {row[0]: row[1:] for row in HISTORY}
    far = [np.abs(np.subtract(row[1:], stored[row[0]])) for row in rows if row[0] in stored]
    return dict(zip(MEASURED, np.max(far, axis=0).tolist(), strict=True))


def main() -> int:
    """Train, print each epoch and compare; return 0 if the history is found again, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\\n")[0])
    parser.add_argument("--epochs", type=int, help="stop after so many epochs")  #? !unfinished
    # What comes after the last epoch of the history cannot be compared.  #? unfinished
    last = HISTORY[-1][0]  #? unfinished
    parser.add_argument("--epochs", type=int, default=last, help="stop after so many")  #? unfinished
    parser.add_argument("--data", type=Path, metavar="FOLDER", help=DATA_HELP)  #? has_files
    arguments = parser.parse_args()
    if arguments.data is None:  #? has_files
        parser.error(f"name the images: --data FOLDER, the {DATA_HELP}.")  #? has_files
    torch.set_num_threads(NUM_THREADS)
    data = load_data(arguments.data)  #? has_files
    data = load_data()  #? !has_files
    is_same = fingerprint(data) == FINGERPRINT
    print("The data are", "those of the run." if is_same else "NOT those of the run.")
    print("epoch", *MEASURED)
    rows = []
    for row in train(data):
        rows.append(row)
        print(row[0], *(f"{one:.6f}" for one in row[1:]), flush=True)
        if row[0] == arguments.epochs:
            break
    far = largest_differences(rows)
    print("largest difference from the stored history:", far)
    is_complete = len(rows) == HISTORY[-1][0]
    if arguments.epochs is not None:
        is_complete = len(rows) >= min(HISTORY[-1][0], arguments.epochs)
    is_found = is_complete and all(far[name] <= TOLERANCE[name] for name in MEASURED)
    print("The stored history was", "found again." if is_found else "NOT found again.")
    return 0 if is_found else 1
'''
