"""One self-contained HTML page about a data set: its labels, their saturation, clips to hear, failures, provenance."""

from manifests.report.document import write_report

__all__ = ["write_report"]
