"""`python -m bench`: compares signing, listing and the local GraphQL API with the alternatives, as ratios."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from bench import cold_start, edge, handler, listing, load, on_stack, signing, transfers
from bench.keys import fresh_keys
from bench.node_peers import NodePeers
from bench.rows import text, write_json


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Compare signing with the bare signature, OpenSSL, botocore and Node's signers; listing in buckets "
        "of 1,000 to 1,000,000 files; cold starts with AWS's SDK for Node.js; the local GraphQL API with a server that "
        "does nothing; the page and a cold API on the local stack; and, if these are installed, "
        "the edge with nginx, and uploads and downloads with `aws s3` and `s5cmd`. "
        "Figures are medians of paired rounds in CPU time. Ratios vary less between machines than rates per second.",
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=Path(".local/bench.json"),
        metavar="PATH",
        help="output file (default: %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=21, help="paired rounds per line (default: %(default)s)")
    options = parser.parse_args()

    keys = fresh_keys()
    with NodePeers() as node:
        measured = [*signing.rows(keys, node, options.rounds)]
    measured += [*handler.rows(keys[0], options.rounds), *listing.rows(keys[0], options.rounds)]
    measured += [*cold_start.rows(keys, options.rounds), *signing.lengths(keys)]
    measured += load.rows(options.rounds)
    measured += [*edge.rows(keys[0]), *on_stack.rows(shutil.which("chromium")), *transfers.rows(options.rounds)]
    write_json(measured, options.json)
    print(text(measured))
    print("\n×: our speed as a multiple of theirs. limit: the ratio that a bare signature reaches.")
    print(f"Written to {options.json}.")


if __name__ == "__main__":
    main()
