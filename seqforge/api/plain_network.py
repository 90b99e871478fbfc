"""A recurrent network of seqforge as one plain nn.Module. This file needs nothing but torch.

    network = load("weights.safetensors")
    outputs = network(steps)                       # steps of shape (time, row), for a network of symbols
    nats = network.loss(outputs, steps)            # shape (time + 1, row): every step, then the end of the piece
    outputs = network(steps, references=repeats(steps))    # for a network that looks back at repeats, as in a text
    log_probabilities = outputs.log_softmax(-1)    # the last of the symbols is the end of the piece

Every row is one piece from its start. Position t of the outputs predicts step t from the steps before it; the last
position predicts the end. The weights of the layers are named and ordered as those of nn.LSTM, nn.GRU and nn.RNN.
"""

import json
import math
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

State = list[Tensor]
"""The state: one or two tensors for each layer, then those of the attention."""
MAX_LOG, MAX_LOG_STD, MAX_CORRELATION = 3.0, 6.0, 0.999
"""Bounds of the attention, and of the standard deviations and correlations of a mixture."""


class Layer(nn.Module):
    """One recurrent layer, a step at a time: lstm (gates i, f, g, o), gru (r, z, n) or rnn (tanh)."""

    def __init__(self, cell: str, width: int, hidden: int) -> None:
        super().__init__()
        gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell] * hidden
        self.cell, self.hidden = cell, hidden
        self.weight_ih, self.weight_hh = (
            nn.Parameter(torch.zeros(gates, width)),
            nn.Parameter(torch.zeros(gates, hidden)),
        )
        self.bias_ih, self.bias_hh = nn.Parameter(torch.zeros(gates)), nn.Parameter(torch.zeros(gates))

    def forward(self, inputs: Tensor, state: State, running: Tensor) -> State:
        """Return the state after a step; `running` of shape (row, 1) is 0 at the start of a piece, else 1."""
        from_input = functional.linear(inputs, self.weight_ih, self.bias_ih)
        from_state = functional.linear(state[0] * running, self.weight_hh, self.bias_hh)
        if self.cell == "rnn":
            return [(from_input + from_state).tanh()]
        if self.cell == "gru":
            (r_x, z_x, n_x), (r_h, z_h, n_h) = from_input.chunk(3, 1), from_state.chunk(3, 1)
            r, z = running * (r_x + r_h).sigmoid(), running * (z_x + z_h).sigmoid()
            n = (n_x + r * n_h).tanh()
            return [n + z * (state[0] * running - n)]
        i, f, g, o = (from_input + from_state).chunk(4, 1)
        c = running * (f.sigmoid() * state[1] + i.sigmoid() * g.tanh())
        return [running * o.sigmoid() * c.tanh(), c]


class PlainNetwork(nn.Module):
    """An autoregressive model of sequences of symbols, or of vectors of real numbers and bits.

    Args:
        config: The architecture, as in the metadata of the file of weights.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        hidden, embedding, lookback = config["hidden"], config["embedding"], config["lookback"]
        space, distances = config["space"], len(config["distances"])
        self.symbols = space.get("size", 0)
        self.labels = nn.ModuleList(nn.Embedding(values, width) for values, width in config["label_tables"])
        conditions = sum(width for _, width in config["label_tables"]) + config["features"]
        self.context_width = config["context"]
        self.decodes = bool(config["source_symbols"]) and config.get("attention", "monotonic") != "monotonic"
        self.encoder: nn.ModuleDict | None = None
        if config["encoder_units"]:
            units = config["encoder_units"]
            self.encoder = nn.ModuleDict(
                {
                    "embedding": nn.Embedding(config["source_symbols"] + 1, units),
                    "ahead": nn.LSTM(units, units, batch_first=True),
                    "back": nn.LSTM(units, units, batch_first=True),
                }
            )
        if lookback:  # number 0 stands for no step, and for no agreement
            self.earlier_steps = nn.Embedding(self.symbols + 1, lookback)
            self.agreements = nn.Embedding(config["agreements"] + 1, lookback)
        if config.get("copy_logits"):
            self.copy_scores = nn.Linear(hidden, distances, bias=False)
            self.copy_agreements = nn.Parameter(torch.zeros(config["agreements"] + 1, distances))
        self.embedding: nn.Embedding | nn.Linear
        if self.symbols:  # the last symbol is the boundary: it is read at the start, and predicted at the end
            table = self.embedding = nn.Embedding(self.symbols + 1, embedding)
            self.projection = nn.Linear(hidden, embedding, bias=False) if hidden != embedding else nn.Identity()
            self.output = nn.Linear(embedding, self.symbols + 1)
            if config.get("cutoffs"):
                self.clusters = nn.Linear(embedding, len(config["cutoffs"]))
            if config["tie_embeddings"]:
                self.output.weight = table.weight
        else:
            self.embedding = nn.Linear(space["reals"] + space["bits"], embedding, bias=False)
            self.output = nn.Linear(hidden, sum(config["outputs"]))
        first = embedding + lookback * distances + conditions
        if not self.decodes:
            first += self.context_width
        widths = [first] + [hidden + self.context_width] * (config["layers"] - 1)
        self.layers = nn.ModuleList(Layer(config["cell"], width, hidden) for width in widths)
        if self.decodes:
            self._build_decoder()
            return
        known = conditions + (self.context_width if self.encoder is not None else 0)
        self.start_weight, self.start_bias = nn.Parameter(torch.zeros(hidden, known)), nn.Parameter(torch.zeros(hidden))
        if config["source_symbols"]:
            self.attention = nn.Linear(hidden, 3 * config["gaussians"])

    def _build_decoder(self) -> None:
        """Add what an encoder-decoder has: the encoder, and the maps to the first state and for the attention."""
        config, hidden, context = self.config, self.config["hidden"], self.context_width
        if config["attention"] == "none":
            self.source_embedding = nn.Embedding(config["source_symbols"] + 1, config["embedding"])
            widths = [config["embedding"]] + [hidden] * (config["layers"] - 1)
            self.source_layers = nn.ModuleList(Layer(config["cell"], width, hidden) for width in widths)
            return
        states = config["layers"] * (2 if config["cell"] == "lstm" else 1) * hidden
        self.initial, self.keys = nn.Linear(context, states), nn.Linear(context, hidden, bias=False)
        self.combination = nn.Linear(hidden + context, hidden, bias=False)

    def first_state(self, source: Tensor, memory: Tensor) -> State:
        """Return the state in which an encoder-decoder starts a piece.

        Args:
            source: Source symbols, shape (row, length).
            memory: The result of `encode(source)`.
        """
        lengths, rows = (source > 0).sum(1), torch.arange(len(source), device=source.device)
        size, hidden = 2 if self.config["cell"] == "lstm" else 1, self.config["hidden"]
        if self.config["attention"] == "content":
            ahead, back = memory.chunk(2, 2)
            last = torch.cat([ahead[rows, (lengths - 1).clamp(min=0)], back[:, 0]], 1) * (lengths > 0).unsqueeze(1)
            return list(self.initial(last).tanh().split(hidden, 1))
        state = [memory.new_zeros(len(source), hidden) for _ in range(size * len(self.layers))]
        for position in range(source.shape[1]):  # in reverse; rows whose source is read keep their state
            reads = (lengths > position).unsqueeze(1)
            inputs = self.source_embedding(source[rows, (lengths - 1 - position).clamp(min=0)])
            for number, layer in enumerate(self.source_layers):
                part = slice(size * number, size * (number + 1))
                after = layer(inputs, state[part], torch.ones_like(inputs[:, :1]))
                state[part] = [torch.where(reads, new, old) for new, old in zip(after, state[part], strict=True)]
                inputs = state[size * number]
        return state

    def zero_state(self, rows: int) -> State:
        """Return the state before the first step; that of an encoder-decoder is `first_state`."""
        weight = self.output.bias
        hidden, tensors = self.config["hidden"], 2 if self.config["cell"] == "lstm" else 1
        state = [weight.new_zeros(rows, hidden) for _ in range(tensors * len(self.layers))]
        if self.config["source_symbols"] and not self.decodes:
            state += [weight.new_zeros(rows, self.config["gaussians"]), weight.new_zeros(rows, self.context_width)]
        return state

    def standardise(self, steps: Tensor) -> Tensor:
        """Return vectors whose real numbers are (x - centre) / scale, as the network reads them."""
        pairs = self.config["space"].get("standardisation")
        if not pairs:
            return steps
        centres, scales = (steps.new_tensor(values) for values in zip(*pairs, strict=True))
        reals, bits = steps[..., : len(pairs)], steps[..., len(pairs) :]
        return torch.cat([(reals - centres) / scales, bits], -1)

    def encode(self, source: Tensor) -> Tensor:
        """Return the memory of the attention, shape (row, length, context), from source symbols (row, length).

        Without attention, the memory is empty. Symbols count from 1, the extra symbol follows the last one, and 0 is
        padding.
        """
        if self.encoder is None and self.decodes:
            return self.output.bias.new_zeros(*source.shape, 0)
        if self.encoder is None:
            return functional.one_hot(source, self.context_width + 1)[..., 1:].float()
        length = source.shape[1]
        positions = torch.arange(length, device=source.device).expand_as(source)
        reverse = (((source > 0).sum(1, keepdim=True) - 1 - positions) % length).unsqueeze(2)
        embedded = self.encoder["embedding"](source)
        ahead, _ = self.encoder["ahead"](embedded)
        back, _ = self.encoder["back"](embedded.gather(1, reverse.expand_as(embedded)))
        return torch.cat([ahead, back.gather(1, reverse.expand_as(back))], 2)

    def step(
        self,
        step: Tensor,
        start: Tensor,
        state: State,
        labels: Tensor | None = None,
        features: Tensor | None = None,
        references: Tensor | None = None,
        source: Tensor | None = None,
        memory: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Read one step of every row; return the outputs that predict the next step, and the new state.

        Args:
            step: The steps, shape (row,) for symbols, else (row, reals + bits). Ignored where a piece starts.
            start: True where a piece starts, shape (row,).
            state: The state before the step.
            labels: The number of the value of each label, 0 for unknown, shape (row, labels). None: all unknown.
            features: The features, shape (row, features). None: zeros.
            references: Earlier steps at corresponding places and their agreements, shape (row, 2 x distances).
            source: Source symbols, shape (row, length).
            memory: The result of `encode(source)`.
        """
        running = (~start).float().unsqueeze(1)
        rows = start.shape[0]
        # 1. Embed the step, the earlier steps and the conditions.
        if self.symbols:
            hidden = self.embedding(torch.where(start, self.symbols, step)) * math.sqrt(self.config["embedding"])
        else:
            hidden = self.embedding(self.standardise(step) * running)
        parts = []
        for number, table in enumerate(self.labels):
            parts.append(table(start.new_zeros(rows, dtype=torch.long) if labels is None else labels[:, number]))
        if self.config["features"]:
            parts.append(hidden.new_zeros(rows, self.config["features"]) if features is None else features)
        if self.config["lookback"]:
            if references is None:
                raise ValueError("the network reads earlier steps at corresponding places: `references` is required")
            earlier, agreements = references.chunk(2, 1)
            embedded = self.earlier_steps(earlier) + self.agreements(agreements)
            hidden = torch.cat([hidden, embedded.flatten(1)], 1)
        hidden = torch.cat([hidden, *parts], 1)
        # 2. Run the layers; the first one moves the attention.
        attends = bool(self.config["source_symbols"]) and not self.decodes
        if self.decodes:  # the state of the start is that of the encoder
            running = torch.ones_like(running)
        size = 2 if self.config["cell"] == "lstm" else 1
        new_state: State = []
        contexts: list[Tensor] = []
        if attends:
            kappa, contexts = state[-2] * running, [state[-1] * running]
        for number, layer in enumerate(self.layers):
            outputs = layer(torch.cat([hidden, *contexts], 1), state[size * number : size * (number + 1)], running)
            new_state += outputs
            hidden = outputs[0] + hidden if number and self.config["residual"] else outputs[0]
            if attends and not number:
                if source is None or memory is None:
                    raise ValueError("the network attends to a source: `source` and `memory` are required")
                kappa, context = self._attend(outputs[0], kappa, source, memory)
                contexts = [context]
            elif self.context_width and not number:
                contexts = [self._look_up(outputs[0], source, memory)]
        if attends:
            new_state += [kappa, *contexts]
        # 3. Replace the output at the start of a piece, and predict.
        if self.decodes:
            read = self.combination(torch.cat([hidden, *contexts], 1)).tanh() if contexts else hidden
            return self._predict(read, references), new_state
        known = [*parts, *contexts] if self.encoder is not None else parts
        at_start = self.start_bias.expand(rows, -1)
        if known:
            at_start = functional.linear(torch.cat(known, 1), self.start_weight, self.start_bias)
        hidden = torch.where(start.unsqueeze(1), at_start.tanh(), hidden)
        return self._predict(hidden, references), new_state

    def _predict(self, hidden: Tensor, references: Tensor | None) -> Tensor:
        read = self.projection(hidden) if self.symbols else hidden
        outputs: Tensor = self.output(read)
        if self.config.get("copy_logits") and references is not None:  # raise or lower the logits of earlier steps
            earlier, agreements = references.chunk(2, 1)
            scores = (self.copy_scores(hidden) + self.copy_agreements.gather(0, agreements)) * (earlier > 0)
            outputs = outputs.scatter_add(1, (earlier - 1).clamp(min=0), scores)
        return self._adaptive(outputs, self.clusters(read)) if self.config.get("cutoffs") else outputs

    def _look_up(self, hidden: Tensor, source: Tensor | None, memory: Tensor | None) -> Tensor:
        """Return the context vector of attention by content."""
        if source is None or memory is None:
            raise ValueError("the network attends to a source: `source` and `memory` are required")
        scores = torch.bmm(self.keys(memory), hidden.unsqueeze(2)).squeeze(2)
        weights = scores.masked_fill(source == 0, -1e30).softmax(1) * (source > 0)
        return torch.bmm(weights.unsqueeze(1), memory).squeeze(1)

    def _adaptive(self, logits: Tensor, clusters: Tensor) -> Tensor:
        """Return the logarithms of the probabilities of an adaptive softmax, whose rare symbols are in clusters."""
        bounds = [0, *self.config["cutoffs"], self.symbols]
        frequent, *rare, end = torch.split(logits, [*(last - first for first, last in pairwise(bounds)), 1], -1)
        level = torch.cat([frequent, end, clusters], -1).log_softmax(-1)
        frequent, end, clusters = torch.split(level, [frequent.shape[-1], 1, len(rare)], -1)
        inside = [part.log_softmax(-1) + clusters[..., k : k + 1] for k, part in enumerate(rare)]
        return torch.cat([frequent, *inside, end], -1)

    def _attend(self, hidden: Tensor, kappa: Tensor, source: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        alpha, beta, distance = self.attention(hidden).clamp(max=MAX_LOG).exp().chunk(3, 1)
        kappa = kappa + distance
        offsets = kappa.unsqueeze(2) - torch.arange(source.shape[1], device=source.device).view(1, 1, -1)
        phi = (alpha.unsqueeze(2) * torch.exp(-beta.unsqueeze(2) * offsets * offsets)).sum(1) * (source > 0)
        return kappa, torch.bmm(phi.unsqueeze(1), memory).squeeze(1)

    def forward(
        self,
        steps: Tensor,
        labels: Tensor | None = None,
        features: Tensor | None = None,
        references: Tensor | None = None,
        source: Tensor | None = None,
    ) -> Tensor:
        """Return the outputs before every step and after the last one, shape (time + 1, row, outputs).

        Args:
            steps: The steps of a piece per row, shape (time, row) for symbols, else (time, row, reals + bits).
            labels: As in `step`.
            features: As in `step`.
            references: As in `step`, shape (time + 1, row, 2 x distances).
            source: As in `step`.
        """
        rows = steps.shape[1]
        memory = None if source is None else self.encode(source)
        state, outputs = self.zero_state(rows), []
        if self.decodes:
            if source is None or memory is None:
                raise ValueError("the network reads a source: `source` is required")
            state = self.first_state(source, memory)
        inputs = torch.cat([torch.zeros_like(steps[:1]) if len(steps) else steps.new_zeros(1, *steps.shape[1:]), steps])
        for t, step in enumerate(inputs):
            start = torch.full((rows,), t == 0, device=steps.device)
            reference = None if references is None else references[t]
            output, state = self.step(step, start, state, labels, features, reference, source, memory)
            outputs.append(output)
        return torch.stack(outputs)

    def loss(self, outputs: Tensor, steps: Tensor) -> Tensor:
        """Return the negative log-likelihood in nats of every step, then of the end, shape (time + 1, row)."""
        if self.symbols:
            targets = torch.cat([steps, torch.full_like(steps[:1], self.symbols)])
            return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
        end, bits, components, means, log_stds, correlations = torch.split(outputs, self.config["outputs"], -1)
        end = end[..., 0]
        reals, bit_targets = torch.split(
            self.standardise(steps), [self.config["space"]["reals"], self.config["space"]["bits"]], -1
        )
        shape = (*components.shape, reals.shape[-1])
        log_stds = MAX_LOG_STD * (log_stds.reshape(shape) / MAX_LOG_STD).tanh()
        z = ((reals.unsqueeze(-2) - means.reshape(shape)[:-1]) * torch.exp(-log_stds[:-1])).unbind(-1)
        logs = -log_stds[:-1].sum(-1) - 0.5 * len(z) * math.log(2 * math.pi)
        if len(z) == 2:
            rho = MAX_CORRELATION * correlations[:-1].tanh()
            free = 1 - rho * rho
            logs = logs - 0.5 * torch.log(free) - (z[0] ** 2 + z[1] ** 2 - 2 * rho * z[0] * z[1]) / (2 * free)
        else:
            logs = logs - 0.5 * sum(value**2 for value in z)
        density = torch.logsumexp(components[:-1].log_softmax(-1) + logs, -1)
        density = density - sum(math.log(scale) for _, scale in self.config["space"].get("standardisation", []))
        bit_loss = functional.binary_cross_entropy_with_logits(bits[:-1], bit_targets, reduction="none").sum(-1)
        return torch.cat([functional.softplus(end[:-1]) - density + bit_loss, functional.softplus(-end[-1:])])


def repeats(steps: Tensor) -> Tensor:
    """Return the references of a network whose steps can repeat any earlier one, such as those of a text.

    Args:
        steps: The steps, shape (time, row).

    Returns:
        The step after the latest earlier occurrence of the last 64, 32, ... or 1 steps, plus one, and the number of
        binary digits of their number, at most 5; shape (time + 1, row, 2).
    """
    references = steps.new_zeros(steps.shape[0] + 1, steps.shape[1], 2)
    for row, symbols in enumerate(steps.t().tolist()):
        latest: dict[tuple[int, ...], int] = {}
        for position in range(len(symbols) + 1):
            passages = [tuple(symbols[position - n : position]) for n in (64, 32, 16, 8, 4, 2, 1) if n <= position]
            repeated = next((passage for passage in passages if passage in latest), None)
            if repeated is not None:
                numbers = [symbols[latest[repeated]] + 1, min(len(repeated).bit_length(), 5)]
                references[position, row] = references.new_tensor(numbers)
            latest.update(dict.fromkeys(passages, position))
    return references


def load(path: str | Path) -> PlainNetwork:
    """Return the network in a file of weights (.safetensors, float32), in evaluation mode."""
    content = Path(path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    network = PlainNetwork(json.loads(header.pop("__metadata__")["config"]))
    state = {}
    for name, item in header.items():
        first, last = (8 + length + offset for offset in item["data_offsets"])
        data = torch.frombuffer(bytearray(content[first:last]), dtype=torch.float32) if last > first else torch.zeros(0)
        state[name] = data.view(item["shape"])
    network.load_state_dict(state)
    return network.eval()
