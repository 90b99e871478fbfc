"""Games of chess in PGN: a token is a move, and the constraint allows the legal moves of the position."""

import functools
import itertools
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import chess
import chess.pgn
import numpy as np

import seqforge
from seqforge import Constraint, NoOptions, Origin, Piece, ReadError, flag

Game = tuple[str, ...]
"""The content of a piece: its moves in the notation of UCI, such as e2e4."""


def all_moves() -> list[str]:
    """Return every move that is possible in some position: 1,968 moves."""
    moves = set()
    for square, kind in itertools.product(chess.SQUARES, (chess.QUEEN, chess.KNIGHT)):
        board = chess.BaseBoard(None)
        board.set_piece_at(square, chess.Piece(kind, chess.WHITE))
        moves |= {chess.Move(square, target) for target in board.attacks(square)}
    for rank, file, step in itertools.product((6, 1), range(8), (-1, 0, 1)):
        if 0 <= file + step < 8:
            pawn, target = chess.square(file, rank), chess.square(file + step, 7 if rank == 6 else 0)
            moves |= {chess.Move(pawn, target, kind) for kind in (2, 3, 4, 5)}
    return sorted(move.uci() for move in moves)


@dataclass(frozen=True)
class ChessRequest:
    """What is generated."""

    opening: str = flag("", help="Moves to start with, such as 'e4 e5 Nf3'.", unit="MOVES")


class Legal(Constraint):
    """Legal moves only. The state is the position in FEN; a game may be broken off after any move.

    Args:
        moves: The moves by their numbers.
    """

    def __init__(self, moves: Sequence[str]) -> None:
        self.moves = moves
        self.numbers = {move: number for number, move in enumerate(moves)}
        self._mask = functools.lru_cache(4096)(self._legal_moves)

    def start(self) -> Hashable:
        return chess.STARTING_FEN

    def allowed(self, state: Any) -> np.ndarray:
        return self._mask(state)

    def _legal_moves(self, state: Any) -> np.ndarray:
        mask = np.zeros(len(self.moves), np.bool_)
        mask[[self.numbers[move.uci()] for move in chess.Board(state).legal_moves]] = True
        return mask

    def may_end(self, state: Any) -> bool:
        return bool(state != chess.STARTING_FEN)

    def to_end(self, state: Any) -> int:
        return int(state == chess.STARTING_FEN)

    def advance(self, state: Any, step: Any) -> Hashable:
        board = chess.Board(state)
        board.push_uci(self.moves[step])
        return board.fen()


class ChessCodec(seqforge.TokenCodec[Game, NoOptions, ChessRequest]):
    """Encodes a game as its moves. The vocabulary is fixed, so that no legal move is unknown."""

    @classmethod
    def fit(cls, pieces: Iterable[Piece[Game]], options: NoOptions) -> Self:
        return cls(all_moves(), super().fit(pieces, options).labels, options)

    def tokenise(self, content: Game) -> Sequence[str]:
        return content

    def detokenise(self, tokens: Sequence[str]) -> Game:
        if problem := illegal_move(tokens):
            raise seqforge.DecodeError(problem)
        return tuple(tokens)

    def constraint(self) -> Legal:
        return Legal(self.vocabulary)

    def task(self, request: ChessRequest) -> seqforge.Task[Game]:
        board = chess.Board()
        try:
            moves = tuple(board.push_san(move).uci() for move in request.opening.split())
        except ValueError as error:
            raise seqforge.RequestError(
                f"`opening` is not playable: {error}", field="opening", value=request.opening
            ) from error
        return seqforge.Task([self.prompt(moves or None)])


def illegal_move(moves: Sequence[str]) -> str:
    """Return a sentence about the first illegal move; "" if every move is legal."""
    board = chess.Board()
    for number, move in enumerate(moves, 1):
        try:
            board.push(board.parse_uci(move))
        except ValueError:
            return f"move {number}, {move}, is not legal"
    return ""


class Chess(seqforge.Plugin[Game, NoOptions, ChessRequest], seqforge.Checks[Game]):
    """Reads and writes games; the label `result` is the result of the game."""

    name = "chess"
    summary = "games of chess in PGN"
    unit = "move"
    reads = writes = multi_piece = (".pgn",)
    Request = ChessRequest
    codec = ChessCodec
    native = False

    def read(self, path: Path, options: NoOptions) -> Iterator[Piece[Game] | ReadError]:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number in itertools.count(1):
                game = chess.pgn.read_game(file)
                if game is None:
                    return
                moves = tuple(move.uci() for move in game.mainline_moves())
                if game.errors or game.board().fen() != chess.STARTING_FEN:
                    reason = str(game.errors[0]) if game.errors else "it does not start from the initial position"
                    yield ReadError(f"game {number}: {reason}", file=str(path))
                elif moves:
                    yield Piece(moves, {"result": game.headers["Result"]}, Origin(str(path), f"game {number}"))

    def write(self, pieces: Sequence[Piece[Game]], path: Path) -> None:
        games = []
        for piece in pieces:
            game = chess.pgn.Game.from_board(chess.Board())
            game.headers["Result"] = piece.labels.get("result", "*")
            game.add_line(chess.Move.from_uci(move) for move in piece.content)
            games.append(f"{game}\n\n")
        path.write_text("".join(games), encoding="utf-8")

    def violations(self, piece: Piece[Game]) -> Sequence[str]:
        return [problem] if (problem := illegal_move(piece.content)) else []
