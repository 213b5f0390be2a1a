"""`make audit`: what is found fails, what cannot be reached is said, and nothing passes silently."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from supply_chain import audit
from tests.served import served

NPM_CLEAN = {"auditReportVersion": 2, "vulnerabilities": {}, "metadata": {"dependencies": {"total": 289}}}
NPM_FOUND = NPM_CLEAN | {
    "vulnerabilities": {
        "left-pad": {"via": [{"name": "left-pad", "url": "https://advisories.example/GHSA-1", "title": "Pads right"}]},
        "pads": {"via": ["left-pad"]},
    }
}
PYTHON_CLEAN = {"dependencies": [{"name": "idna", "version": "3.20", "vulns": []}]}
PYTHON_FOUND = {
    "dependencies": [
        {
            "name": "idna",
            "version": "3.20",
            "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1", "GHSA-2"], "description": "Decodes too much. " * 20}],
        }
    ]
}
NO_ROUTE = "requests.exceptions.ConnectionError: Max retries exceeded (Caused by … [Errno 111] Connection refused"
REFUSED = "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable for url: https://advisories.example/"

Stub = Callable[..., None]


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    """Puts programs first on PATH that print what they are given."""
    (programs := tmp_path / "programs").mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(audit, "NOT_CHECKED", tmp_path / "not-checked.txt")
    monkeypatch.setattr(audit, "EXCEPTIONS", exceptions := tmp_path / "exceptions.toml")
    exceptions.touch()

    def put(program: str, stdout: object, *, stderr: str = "", code: int = 0) -> None:
        text = stdout if isinstance(stdout, str) else json.dumps(stdout)
        script = f"#!/bin/sh\ncat <<'END'\n{text}\nEND\ncat >&2 <<'END'\n{stderr}\nEND\nexit {code}\n"
        (programs / program).write_text(script)
        (programs / program).chmod(0o755)

    put("npm", NPM_CLEAN)
    put("pip-audit", PYTHON_CLEAN)
    return put


def accept(**changed: str) -> None:
    lines = {"advisory": '"GHSA-1"', "package": '"left-pad"', "reason": '"Nothing is padded."', "expires": "9999-01-31"}
    entry = "\n".join(f"{name} = {value}" for name, value in (lines | changed).items() if value)
    audit.EXCEPTIONS.write_text(f"[[exception]]\n{entry}\n")


@pytest.mark.usefixtures("stub")
def test_two_clean_sources_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "npm: 289 packages checked, 0 vulnerabilities, 0 accepted.",
        "Python: 1 packages checked, 0 vulnerabilities, 0 accepted.",
    ]
    assert audit.NOT_CHECKED.read_text() == ""


def test_vulnerable_npm_package_fails_and_is_named_once(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    stub("npm", NPM_FOUND, code=1)
    assert audit.main() == 1
    printed = capsys.readouterr().out
    assert "  left-pad: GHSA-1: Pads right\n" in printed
    assert "  pads:" not in printed
    assert "make lock" in printed


def test_vulnerable_python_package_fails_with_every_name_of_the_advisory(
    stub: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    stub("pip-audit", PYTHON_FOUND, code=1)
    assert audit.main() == 1
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  idna:")]
    assert line.startswith("  idna: CVE-2026-1, GHSA-2, PYSEC-1: Decodes too much.")
    assert len(line) < 180


@pytest.mark.parametrize(
    ("program", "message", "reason"),
    [
        ("npm", "405 Method Not Allowed - POST https://a.example/", "405 Method Not Allowed"),
        ("npm", "request to https://a.example/ failed, reason: connect ECONNREFUSED 127.0.0.1:9", "ECONNREFUSED"),
        ("npm", "something new", "no connection"),
        ("pip-audit", f"Traceback\n{NO_ROUTE}", "Connection refused"),
        ("pip-audit", f"Traceback\n{REFUSED}", "503 Server Error: Service Unavailable"),
        ("pip-audit", "requests.exceptions.ReadTimeout: Read timed out. (read timeout=5)", "timed out"),
        ("pip-audit", "ERROR:pip_audit._cli:Could not connect to OSV's vulnerability feed", "no connection"),
    ],
)
def test_unreachable_source_is_reported_and_does_not_fail(
    stub: Stub, capsys: pytest.CaptureFixture[str], program: str, message: str, reason: str
) -> None:
    if program == "npm":
        stub("npm", {"message": message}, stderr="npm error audit endpoint returned an error", code=1)
    else:
        stub("pip-audit", "", stderr=message, code=1)
    source = {"npm": "npm", "pip-audit": "Python"}[program]
    assert audit.main() == 0
    last = f"{source}'s advisories could not be reached ({reason}): nothing was checked.\n"
    assert capsys.readouterr().out.endswith(last)
    assert audit.NOT_CHECKED.read_text() == last


def test_vulnerability_fails_even_if_the_other_source_cannot_be_reached(stub: Stub) -> None:
    stub("pip-audit", PYTHON_FOUND, code=1)
    stub("npm", {"message": "unreachable"}, stderr="npm error audit endpoint returned an error", code=1)
    assert audit.main() == 1
    assert audit.NOT_CHECKED.read_text().startswith("npm's advisories")


@pytest.mark.parametrize(
    ("program", "printed", "code"),
    [
        ("npm", ("", "npm error code ENOLOCK"), 1),
        ("npm", ({"error": {"code": "ENOLOCK"}}, "npm error audit requires a lockfile"), 1),
        ("npm", ({"message": "400 Bad Request", "statusCode": 400}, "audit endpoint returned an error"), 1),
        ("npm", (NPM_CLEAN | {"metadata": {"dependencies": {"total": 0}}}, ""), 0),
        ("npm", ("{", ""), 0),
        ("pip-audit", ("", "ERROR:pip_audit._cli:invalid requirements input"), 1),
        ("pip-audit", ("", "requests.exceptions.HTTPError: 400 Client Error: Bad Request for url: …"), 1),
        ("pip-audit", ("", "requests.exceptions.JSONDecodeError: Expecting value"), 1),
        ("pip-audit", ("", ""), 0),
        ("pip-audit", ({"dependencies": []}, ""), 0),
        ("pip-audit", ({"dependencies": [{"name": "idna", "skip_reason": "not found"}]}, ""), 0),
    ],
)
def test_any_other_failure_of_a_tool_fails_with_its_output(
    stub: Stub, capsys: pytest.CaptureFixture[str], program: str, printed: tuple[object, str], code: int
) -> None:
    stub(program, printed[0], stderr=printed[1], code=code)
    assert audit.main() == 1
    refusal = capsys.readouterr().err
    assert program in refusal
    assert "Traceback" not in refusal


@pytest.mark.usefixtures("stub")
def test_tool_that_is_not_installed_fails_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    audit.EXCEPTIONS.with_name("programs").joinpath("pip-audit").unlink()
    assert audit.main() == 1
    assert capsys.readouterr().err == "pip-audit is not installed. Run `make setup`, then try again.\n"


def test_exception_lets_its_advisory_of_its_package_pass(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    stub("npm", NPM_FOUND, code=1)
    accept()
    assert audit.main() == 0
    assert "npm: 289 packages checked, 0 vulnerabilities, 1 accepted." in capsys.readouterr().out


@pytest.mark.parametrize(
    "changed", [{"expires": "2020-01-01"}, {"package": '"right-pad"'}, {"advisory": '"GHSA-9"'}], ids=str
)
def test_exception_that_expired_or_names_another_changes_nothing(stub: Stub, changed: dict[str, str]) -> None:
    stub("npm", NPM_FOUND, code=1)
    accept(**changed)
    assert audit.main() == 1


@pytest.mark.parametrize(
    "changed",
    [{"reason": '""'}, {"reason": ""}, {"expires": ""}, {"expires": '"2027"'}, {"expires": "2027-01-31T00:00:00Z"}],
    ids=str,
)
@pytest.mark.usefixtures("stub")
def test_exception_without_a_reason_and_a_date_fails(
    capsys: pytest.CaptureFixture[str], changed: dict[str, str]
) -> None:
    accept(**changed)
    assert audit.main() == 1
    assert "exceptions.toml" in capsys.readouterr().err


def test_the_exceptions_of_this_project_are_valid() -> None:
    audit.read_exceptions(audit.EXCEPTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("vulnerable", [False, True])
def test_the_real_programs_report_what_a_source_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], vulnerable: bool
) -> None:
    async def npm(_: Request) -> JSONResponse:
        advisory = {"id": 1, "url": "https://advisories.example/GHSA-1", "title": "Pads right", "severity": "low"}
        return JSONResponse({"left-pad": [advisory | {"vulnerable_versions": "<2"}]} if vulnerable else {})

    async def packument(_: Request) -> Response:
        return JSONResponse({"name": "left-pad", "versions": {"1.0.0": {"name": "left-pad", "version": "1.0.0"}}})

    async def osv(_: Request) -> JSONResponse:
        package = {"name": "idna", "ecosystem": "PyPI"}
        advisory = {"id": "GHSA-2", "summary": "Decodes too much.", "affected": [{"package": package}]}
        return JSONResponse({"vulns": [advisory]} if vulnerable else {})

    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "python.txt").write_text("idna==3.20 --hash=sha256:" + "0" * 64)
    (tmp_path / "package.json").write_text(json.dumps({"name": "a", "devDependencies": {"left-pad": "1.0.0"}}))
    lock = {"": {"devDependencies": {"left-pad": "1.0.0"}}, "node_modules/left-pad": {"version": "1.0.0", "dev": True}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"name": "a", "lockfileVersion": 3, "packages": lock}))
    monkeypatch.setattr(audit, "PROJECT", tmp_path)
    monkeypatch.setattr(audit, "NOT_CHECKED", tmp_path / "not-checked.txt")
    monkeypatch.setenv("NODE_ENV", "production")
    monkeypatch.setenv("npm_config_offline", "true")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    routes = [
        Route("/npm/-/npm/v1/security/advisories/bulk", npm, methods=["POST"]),
        Route("/npm/left-pad", packument),
        Route("/osv", osv, methods=["POST"]),
    ]
    with served(Starlette(routes=routes)) as url:
        monkeypatch.setenv("npm_config_registry", f"{url}/npm/")
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"{url}/osv")
        assert audit.main() == int(vulnerable)
    printed = capsys.readouterr().out
    assert ("  left-pad: GHSA-1: Pads right\n" in printed) == vulnerable
    assert ("  idna: GHSA-2: Decodes too much.\n" in printed) == vulnerable
    assert "Python: 1 packages checked" in printed
    assert "npm: 1 packages checked" in printed
    assert audit.NOT_CHECKED.read_text() == ""
