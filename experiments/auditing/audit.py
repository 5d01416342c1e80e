"""A person checks the judge: `python -m experiments audit` serves a page that asks "is it right?".

Every drawing is shown without its arm, one after the other. What was answered goes into the report,
which until then says that nobody has looked.
"""

import argparse
import webbrowser

from experiments.auditing.agreement import audit_table, print_audit
from experiments.auditing.samples import AUDIT, AnswerFile, blind_samples, drawings
from experiments.auditing.server import AuditServer
from experiments.config import ConfigError
from experiments.evidence.collect import gather
from experiments.evidence.scores import standings
from experiments.options import run_options
from experiments.planning.finished_runs import read_plan
from experiments.reporting.report import write_report
from experiments.store.steps import Store

PER_ARM = 100


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments audit")
    run_options(parser)
    parser.add_argument("--per-arm", type=int, default=PER_ARM, help="samples of each arm")
    parser.add_argument("--port", type=int, default=8800)
    parser.add_argument("--no-browser", action="store_true", help="print the address alone")
    options = parser.parse_args(arguments)
    if options.per_arm < 1:
        raise ConfigError(f"--per-arm must be at least 1, got {options.per_arm}.")
    return options


def main(arguments: list[str]) -> int:
    """Serves the page until Ctrl-C, then prints what was found and writes the report again."""
    options = parsed(arguments)
    store, folder = Store(options.runs), options.runs / options.run
    found = gather(read_plan(options.runs, options.run), store)
    by_arm = drawings(found, store)
    if not by_arm:
        raise ConfigError(f"{folder} must hold drawings that a judge has seen, got none.")
    answers = AnswerFile(folder / AUDIT)
    with AuditServer(blind_samples(by_arm, options.per_arm), answers, options.port) as server:
        print(
            f"{server.address}  (Ctrl-C ends; every answer is saved in {answers.path})", flush=True
        )
        if not options.no_browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    print_audit(audit_table(by_arm, answers.given))
    write_report(found, store, standings(found), folder / "report.html")
    return 0
