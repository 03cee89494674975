"""PESQ, wideband: quality of speech."""

from __future__ import annotations

from deepaq.audio import Samples
from deepaq.errors import UserError
from labels.raters.rater import Judge, Rater, Rating
from manifests.provenance import package_version

LONGEST_S = 20.0  # the program has room for 50 utterances of 0.2 s or more, and crashes at more


class Pesq(Rater):
    """MOS-LQO of ITU-T P.862.2, 1.04 to 4.64, for speech of at most 20 s; not meant for music."""

    name = "pesq"
    scale = "MOS-LQO"
    sample_rate = 16_000
    identity = 4.644
    aligned = True
    shortest_s = 0.5
    requires = ("pesq",)

    def judge(self, reference: Samples) -> Judge:
        import pesq

        self.check(reference, "reference")
        if len(reference) > LONGEST_S * self.sample_rate:
            seconds = len(reference) / self.sample_rate
            raise UserError(f"the reference lasts {seconds:.2f} s; PESQ can take {LONGEST_S:g} s, cut it")

        def rate(degraded: Samples) -> Rating:
            self.check_pair(reference, degraded)
            try:
                return Rating(float(pesq.pesq(self.sample_rate, reference, degraded, "wb")))
            except pesq.PesqError as error:
                reason = error.args[0] if error.args else type(error).__name__
                text = reason.decode() if isinstance(reason, bytes) else str(reason)
                raise UserError(f"PESQ cannot rate it ({text.strip().rstrip('!.')})") from None

        return rate

    def tools(self) -> dict[str, str]:
        return {"pesq": package_version("pesq")}
