import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import chess
import chess.pgn
import pytest

import seqforge
from seqforge.testing import parametrize_with_checks
from seqforge_chess import Chess, ChessCodec, ChessRequest, all_moves


def write_samples(folder: Path) -> Path:
    """Write a file of 24 games with random legal moves."""
    rng, games = random.Random(1), []
    for _ in range(24):
        board = chess.Board()
        for _ in range(rng.randrange(4, 24)):
            board.push(rng.choice(list(board.legal_moves)))
        game = chess.pgn.Game.from_board(board)
        game.headers["Result"] = rng.choice(["1-0", "0-1", "1/2-1/2"])
        games.append(str(game))
    (folder / "random.pgn").write_text("\n\n".join(games) + "\n")
    return folder


SAMPLES = write_samples(Path(tempfile.mkdtemp(prefix="chess-")))


@parametrize_with_checks("chess", samples=SAMPLES, requests=[{"opening": "e4 e5 Nf3"}])
def test_contract(check: Callable[[], None]) -> None:
    check()


def test_every_legal_move_of_a_game_is_in_the_vocabulary() -> None:
    moves, board, rng = set(all_moves()), chess.Board(), random.Random(2)
    assert len(moves) == 1968
    while not board.is_game_over() and len(board.move_stack) < 300:
        legal = [move.uci() for move in board.legal_moves]
        assert moves.issuperset(legal)
        board.push_uci(rng.choice(legal))


def test_opening_that_is_not_legal_is_rejected() -> None:
    pieces = [
        item for item in Chess().read(SAMPLES / "random.pgn", seqforge.NoOptions()) if isinstance(item, seqforge.Piece)
    ]
    codec = ChessCodec.fit(pieces, seqforge.NoOptions())
    with pytest.raises(seqforge.RequestError) as caught:
        codec.task(ChessRequest("e4 e5 Ke3"))
    assert caught.value.field == "opening"
