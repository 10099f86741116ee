"""Learn the weights of `words/detectors/network.py`: `python tools/train_network.py [--to FILE]`.

It needs jax 0.10 and optax 0.2, which nothing else here does: `pip install jax optax` beside the project. On two cores
it takes twenty minutes: each call of `written_calls.read_all` is varied (`written_calls.vary`) and described once
with every variation, and each of `NETWORKS` networks sees one of them in every round. The same calls, rules and
versions give weights that differ by rounding. The thresholds of `weighing` are chosen on what is not learnt from,
tests/calls/fresh/*.tune.jsonl; what is reported was written by others afterwards (tests/calls/README.md).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from arlo_rec.words.detectors import identifiers, network, phonetic  # noqa: E402
from tools import written_calls  # noqa: E402
from tools.written_calls import Call  # noqa: E402

NETWORKS = 5
VARIATIONS, OF_TALK = 12, 3
ROUNDS = 32
TOGETHER, LONGEST = 16, 320  # calls, and words of each, that are learnt from at once
WIDTH, OF_GRAMS = 96, 24
FASTEST, WARMING, DECAY = 3e-3, 200, 1e-2  # Adam with decoupled decay, and a cosine
FORGET_WORDS, FORGET_GRAMS, FORGET_LAYERS, FORGET_RULES = 0.15, 0.1, 0.2, 0.3  # shares that are hidden while learning
KEPT = 0.995  # of the running mean of the weights, which is what is written
NOBODY = phonetic.prepare_names([])

Weights = dict[str, Any]


class Lesson(NamedTuple):
    """A variation of a call: the places of its words in the table of all words, their numbers, what each is."""

    call: str
    words: NDArray[np.int32]
    dense: NDArray[np.float16]
    kinds: NDArray[np.int32]


# -- what is learnt from ------------------------------------------------------------------------------


def describe(order: tuple[Call, int]) -> tuple[str, network.Description, list[int]] | None:
    """A variation of a call, described as the program would."""
    call, number = order
    chance = random.Random(f"{call.name} {number}")
    words, kinds = written_calls.timed(written_calls.vary(call, chance), chance, mono=chance.random() < 0.2)
    if not words:
        return None
    streams = identifiers.split_channels(words)
    found = [*identifiers.find_identifiers(words, NOBODY), *identifiers.find_circumstances(words)]
    place = {(word.start, word.channel): kind for word, kind in zip(words, kinds, strict=True)}
    every = [token for stream in streams for token in stream]
    in_order = [place[every[at].start, every[at].channel] for at in network.order(streams)]
    return call.name, network.describe(streams, found), in_order


def lessons(calls: Sequence[Call]) -> tuple[list[Lesson], NDArray[np.int32]]:
    """All variations of all calls, and the grams of each word in any of them."""
    orders = [(call, number) for call in calls for number in range(OF_TALK if "-dev-" in call.name else VARIATIONS)]
    places: dict[bytes, int] = {}
    table: list[NDArray[np.int32]] = []
    learnt = []
    with ProcessPoolExecutor() as pool:
        for described in pool.map(describe, orders, chunksize=32):
            if described is None:
                continue
            name, (grams, which, dense), kinds = described
            own = np.empty(len(grams), np.int32)
            for at, row in enumerate(grams):
                key = row.tobytes()
                if key not in places:
                    places[key] = len(table)
                    table.append(row)
                own[at] = places[key]
            learnt.append(Lesson(name, own[which], dense.astype(np.float16), np.array(kinds, np.int32)))
    return learnt, np.array(table)


def batches(
    learnt: Sequence[Lesson], chance: np.random.Generator
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]]:
    """One round: a variation of each call, in random order; those that fill no batch wait for the next round."""
    by_call: dict[str, list[Lesson]] = {}
    for lesson in learnt:
        by_call.setdefault(lesson.call, []).append(lesson)
    calls = list(by_call)
    chance.shuffle(calls)
    for first in range(0, len(calls) - TOGETHER + 1, TOGETHER):
        some = [by_call[call][chance.integers(len(by_call[call]))] for call in calls[first : first + TOGETHER]]
        words = np.zeros((TOGETHER, LONGEST), np.int32)
        dense = np.zeros((TOGETHER, LONGEST, some[0].dense.shape[1]), np.float32)
        kinds, spoken = np.zeros_like(words), np.zeros((TOGETHER, LONGEST, 1), np.float32)
        for row, lesson in enumerate(some):
            start = chance.integers(max(1, len(lesson.words) - LONGEST + 1))
            part = slice(start, start + LONGEST)
            count = len(lesson.words[part])
            words[row, :count], kinds[row, :count] = lesson.words[part], lesson.kinds[part]
            dense[row, :count], spoken[row, :count] = lesson.dense[part], 1
            if chance.random() < FORGET_RULES:
                dense[row, :, -network.RULES :] = 0
        yield words, dense, kinds, spoken


# -- learning -----------------------------------------------------------------------------------------


def begin(key: jax.Array, numbers: int) -> Weights:
    """Random weights for words with so many numbers beside their grams."""
    keys = iter(jax.random.split(key, 40))

    def draw(*shape: int, by: float | None = None) -> jax.Array:
        return jax.random.normal(next(keys), shape) * ((1 / np.prod(shape[:-1])) ** 0.5 if by is None else by)

    weights = {
        "grams": draw(network.PLACES + 1, OF_GRAMS, by=0.1),
        "join": draw(OF_GRAMS + numbers, WIDTH),
        "join_shift": jnp.zeros(WIDTH),
        "label": draw(WIDTH, len(network.CLASSES), by=0.05),
        "label_shift": jnp.zeros(len(network.CLASSES)),
    }
    for layer in range(len(network.DILATIONS)):
        weights[f"near_{layer}"] = draw(3, WIDTH, WIDTH)
        weights[f"near_shift_{layer}"] = jnp.zeros(WIDTH)
        weights[f"mix_{layer}"] = draw(WIDTH, WIDTH) * 0.3
    return weights


def run(weights: Weights, grams: Any, words: Any, dense: Any, spoken: Any, key: jax.Array) -> Any:
    """What `network` computes, before the exponential, with some of it hidden at random."""
    keys = iter(jax.random.split(key, 2 + len(network.DILATIONS)))

    def hide(values: Any, share: float, shape: tuple[int, ...]) -> Any:
        return values * jax.random.bernoulli(next(keys), 1 - share, shape) / (1 - share)

    own = grams[words]
    count = (own < network.PLACES).sum(-1, keepdims=True)
    sums = weights["grams"].at[network.PLACES].set(0)[own].sum(2) / jnp.sqrt(jnp.maximum(count, 1))
    sums = hide(sums, FORGET_WORDS, (*sums.shape[:2], 1)) * (1 - FORGET_WORDS)  # a word that is hidden is nothing
    sums = hide(sums, FORGET_GRAMS, sums.shape)
    state = jax.nn.gelu(jnp.concatenate([sums, dense], -1) @ weights["join"] + weights["join_shift"]) * spoken
    length = state.shape[1]
    for layer, dilation in enumerate(network.DILATIONS):
        padded = jnp.pad(state, ((0, 0), (dilation, dilation), (0, 0)))
        before, here, behind = weights[f"near_{layer}"]
        mixed = padded[:, :length] @ before + state @ here + padded[:, 2 * dilation :] @ behind
        more = jax.nn.gelu(mixed + weights[f"near_shift_{layer}"]) @ weights[f"mix_{layer}"]
        state = (state + hide(more, FORGET_LAYERS, more.shape)) * spoken
    return state @ weights["label"] + weights["label_shift"]


def learn(learnt: Sequence[Lesson], table: NDArray[np.int32], seed: int) -> Mapping[str, NDArray[np.float32]]:
    """The weights of one network, after all rounds."""
    grams, chance, key = jnp.array(table), np.random.default_rng(seed), jax.random.PRNGKey(seed)
    weights = begin(key, learnt[0].dense.shape[1])
    steps = ROUNDS * (len({lesson.call for lesson in learnt}) // TOGETHER)
    pace = optax.warmup_cosine_decay_schedule(0, FASTEST, WARMING, steps, 1e-5)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(pace, weight_decay=DECAY))

    def loss(weights: Weights, words: Any, dense: Any, kinds: Any, spoken: Any, key: jax.Array) -> Any:
        margins = run(weights, grams, words, dense, spoken, key)
        each = optax.softmax_cross_entropy_with_integer_labels(margins, kinds)
        return (each * spoken[..., 0]).sum() / spoken.sum()

    @jax.jit
    def step(weights: Weights, mean: Weights, state: Any, key: jax.Array, *batch: Any) -> Any:
        value, slopes = jax.value_and_grad(loss)(weights, *batch, key)
        changes, state = optimiser.update(slopes, state, weights)
        weights = optax.apply_updates(weights, changes)
        return weights, jax.tree.map(lambda old, new: old * KEPT + new * (1 - KEPT), mean, weights), state, value

    mean, state = weights, optimiser.init(weights)
    for number in range(ROUNDS):
        began, losses = time.monotonic(), []
        for batch in batches(learnt, chance):
            key, own = jax.random.split(key)
            weights, mean, state, value = step(weights, mean, state, own, *batch)
            losses.append(value)
        print(f"network {seed}, round {number}: {np.mean(losses):.4f}, {time.monotonic() - began:.1f} s", flush=True)
    return {name: np.array(values) for name, values in mean.items()}


def main() -> int:
    """Write the weights."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--to", type=Path, default=network.FILE)
    asked = words.parse_args()
    calls = list(written_calls.read_all())
    learnt, table = lessons(calls)
    print(f"{len(calls)} calls, {len(learnt)} lessons, {sum(len(each.words) for each in learnt)} words", flush=True)
    asked.to.write_bytes(network.pack([learn(learnt, table, seed) for seed in range(NETWORKS)]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
