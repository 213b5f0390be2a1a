"""`python -m bench`: how fast URLs are signed, files listed, queries answered, in ratios to what else could be."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import cold_start, handler, listing, load, signing
from bench.keys import fresh_keys
from bench.node_peers import NodePeers
from bench.rows import text, write_json


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures signing in turns with the bare signature, OpenSSL, botocore and Node's signers; "
        "listing in buckets of a thousand files to a million; and the GraphQL API of this machine. "
        "Figures are medians of paired rounds in CPU time; the ratios say more than the numbers per second.",
    )
    parser.add_argument(
        "--json", type=Path, default=Path(".local/bench.json"), metavar="PATH", help="where to (%(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=21, help="paired rounds for each line (%(default)s)")
    options = parser.parse_args()

    keys = fresh_keys()
    with NodePeers() as node:
        measured = [*signing.rows(keys, node, options.rounds)]
    measured += [*handler.rows(keys[0], options.rounds), *listing.rows(keys[0], options.rounds)]
    measured += [*cold_start.rows(keys[0], options.rounds), *signing.lengths(keys)]
    measured += load.rows(options.rounds)
    write_json(measured, options.json)
    print(text(measured))
    print("\n×: our speed as a multiple of theirs. limit: what a bare signature in our place would reach.")
    print(f"Written to {options.json}.")


if __name__ == "__main__":
    main()
