"""A report as a page, as comma-separated values and as JSON. Pure."""

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from webhook.evidence.reports import Report, Table, plain
from webhook.evidence.texts import pretty
from webhook.replay.csv_text import csv_text


def as_json(report: Report) -> str:
    """Give a report as JSON, its rows as objects."""
    tables = [
        {
            "title": table.title,
            "note": table.note,
            "rows": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
        }
        for table in report.tables
    ]
    fields = {name: getattr(report, name) for name in report.__struct_fields__}
    return pretty({**fields, "tables": tables}).decode()


def as_csv(report: Report) -> str:
    """Give what it is, and all tables below one another (RFC 4180), their names in the first column."""
    report = plain(report)
    about = [
        ("report", report.title),
        ("about", report.asked),
        ("requirement", f"PCI DSS v4.0.1, {report.requirement}"),
        ("to look at", str(report.attention)),
        *(("remark", remark) for remark in report.remarks),
        *(("note", f"{table.title}: {table.note}") for table in report.tables if table.note and table.known),
        ("ledger", f"{report.origin}, {report.size} entries"),
    ]
    return csv_text(["table", "what", "says"], (["About", *row] for row in about)) + "".join(
        csv_text(["table", *table.columns], ([table.title, *row] for row in table.rows))
        for table in report.tables
    )


def as_html(report: Report) -> str:
    """Give a page that needs nothing but itself, and runs no script."""
    return "".join(_page(plain(report)))


def _page(report: Report) -> Iterator[str]:
    title = f"{report.title}: {report.asked}"
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escape(title)}</title>\n<style>\n{_style()}</style>\n"
    yield f"<h1>{escape(report.title)}</h1>\n"
    about = f"PCI DSS v4.0.1, {report.requirement}. About {report.asked}."
    yield f'<p class="faint">{escape(about)}</p>\n'
    things = "thing" if report.attention == 1 else "things"
    kind = "warn" if report.attention else "faint"
    yield f'<p class="{kind}">{report.attention} {things} to look at.</p>\n'
    for remark in report.remarks:
        yield f'<p class="warn">{escape(remark)}</p>\n'
    for table in report.tables:
        yield from _table(table)
    yield "<h2>Where this comes from</h2>\n<p>Entries are those of the ledger below; each can be proven"
    yield f" against this checkpoint (<code>chaperone evidence export --size {report.size}</code>).</p>\n"
    yield f"<pre>{escape(report.checkpoint)}</pre>\n</html>\n"


def _style() -> str:
    return files("webhook.evidence").joinpath("page", "report.css").read_text(encoding="utf-8")


def _table(table: Table) -> Iterator[str]:
    count = len(table.rows) if table.known else "–"
    yield f'<h2>{escape(table.title)} <span class="faint">{count}</span></h2>\n'
    if table.note:
        yield f'<p class="faint">{escape(table.note)}</p>\n'
    if not table.rows:
        yield '<p class="faint">Nothing.</p>\n' if table.known else ""
        return
    heads = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    yield f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n'
    for row in table.rows:
        yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n"
    yield "</tbody></table></div>\n"
