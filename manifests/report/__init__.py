"""One self-contained HTML page about a data set: labels, saturation, clips to listen to, failures, provenance."""

from manifests.report.document import write_report

__all__ = ["write_report"]
