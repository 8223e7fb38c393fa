"""Every conformance case, against the embedded API or the server of a kubeconfig."""

from __future__ import annotations

import pytest

from tests.conformance import cases
from tests.conformance.cases import Case
from tests.conformance.runner import Run, Session

# A case that is listed as different is not given the time to come right.
_BRIEFLY = 2.0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("case", cases.all_cases(), ids=str)
def test_the_server_answers_as_kubernetes_does(
    case: Case, session: Session, request: pytest.FixtureRequest
) -> None:
    reason = cases.differences(session.target.name).get(str(case))
    if reason is None:
        Run(session, case)()
        return
    request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    Run(session, case, patience=_BRIEFLY)()


def test_every_difference_is_that_of_a_case() -> None:
    names = {str(case) for case in cases.all_cases()}

    for server in ("embedded", "reference"):
        assert not cases.differences(server).keys() - names


def test_names_of_cases_are_unique() -> None:
    names = [str(case) for case in cases.all_cases()]

    assert len(names) == len(set(names))
