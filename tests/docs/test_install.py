"""Units, container, chart and CI templates: judged by what judges them offline."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # the oracle alone: nothing of ours needs it

from tests.docs.documents import DOCS, blocks
from tests.support.cases import case
from tlog.cli.command import verb_parser

OPS = DOCS / "ops"
UNITS = sorted((OPS / "systemd").glob("*.service"))
IMAGE = f"images.example/tlog@sha256:{'0' * 64}"


def run(*command: str | Path, folder: Path = OPS) -> str:
    """Run a program to its end; it must succeed."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def require(program: str, package: str) -> None:
    """Skip where a program is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here: {package}")


def read_yaml(name: str) -> Any:
    return yaml.safe_load((OPS / name).read_text())


def test_each_unit_scores_below_three() -> None:
    require("systemd-analyze", "apt-get install systemd")
    assert 5 == len(UNITS)
    for unit in UNITS:
        with case(unit.name):
            told = run("systemd-analyze", "security", "--offline=true", unit)
            score = re.search(rf"exposure level for {unit.name}: ([0-9.]+)", told)
            assert score is not None
            assert float(score[1]) < 3


def test_each_command_of_a_unit_is_one_that_the_parsers_take() -> None:
    for unit in UNITS:
        with case(unit.name):
            (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
            program, verb, *arguments = line.split()
            assert "/opt/tlog/bin/tlog" == program
            verb_parser(verb).parse_args(arguments)


def test_the_container_is_small_unprivileged_and_has_the_kernels() -> None:
    text = (OPS / "container/Containerfile").read_text()
    build, final = text.split("\nFROM ")[1:]
    assert "gcc" in build
    assert "gcc" not in final
    assert "SOURCE_DATE_EPOCH" in build
    for word in ("USER 65532:65532", "HEALTHCHECK", "STOPSIGNAL SIGTERM"):
        assert word in final
    (entry,) = re.findall(r'^CMD (\["serve".*\])$', final, re.MULTILINE)
    verb, *arguments = json.loads(entry)
    verb_parser(verb).parse_args(arguments)


def test_each_container_of_the_compose_file_is_closed_and_its_command_parses() -> None:
    services = read_yaml("container/compose.yaml")["services"]
    assert {"log", "witness", "monitor", "prometheus"} == services.keys()
    for name in ("log", "witness", "monitor"):
        with case(name):
            service = services[name]
            assert service["read_only"]
            assert ["ALL"] == service["cap_drop"]
            verb, *arguments = service["command"]
            verb_parser(verb).parse_args(arguments)
    mounted = [it.split(":")[0] for it in services["prometheus"]["volumes"]]
    for path in mounted:
        assert (OPS / "container" / path).exists(), path
    jobs = read_yaml("container/prometheus.yml")["scrape_configs"]
    asked = jobs[0]["static_configs"][0]["targets"]
    assert {"log:8080", "witness:8080", "monitor:8080"} == set(asked)


def test_the_chart_is_linted_and_what_it_renders_is_closed() -> None:
    require("helm", "go install helm.sh/helm/v3/cmd/helm@latest")
    chart, given = OPS / "helm/tlog", ("--set", f"image={IMAGE},origin=log.example.org")
    run("helm", "lint", "--strict", chart, *given)
    rendered = run("helm", "template", "log", chart, *given)
    found = {it["kind"]: it for it in yaml.safe_load_all(rendered)}
    assert {"StatefulSet", "Service"} == found.keys()
    stateful = found["StatefulSet"]
    assert 1 == stateful["spec"]["replicas"]
    pod = stateful["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    verb, *arguments = container["args"]
    verb_parser(verb).parse_args(arguments)
    claim = stateful["spec"]["volumeClaimTemplates"][0]["spec"]
    assert ["ReadWriteOncePod"] == claim["accessModes"]
    refused = subprocess.run(
        ["helm", "template", "log", chart, "--set", "image=tlog:latest,origin=x"],
        capture_output=True,
        check=False,
    )
    assert 0 != refused.returncode, "an image without a digest is refused"


def test_the_shell_of_the_templates_is_shell_and_its_commands_parse() -> None:
    action = read_yaml("ci/action.yml")
    steps = [it["run"] for it in action["runs"]["steps"]]
    assert "composite" == action["runs"]["using"]
    for step in steps:
        # A value of somebody else's would be a command there.
        assert "${{" not in step
    gitlab = read_yaml("ci/gitlab.yml")[".tlog-attest"]
    jenkins = re.findall(r"sh '''(.*?)'''", (OPS / "ci/Jenkinsfile").read_text(), re.S)
    scripts = [*steps, "\n".join(gitlab["script"]), *jenkins]
    for script in scripts:
        run("bash", "-n", "-c", script)
    commands = re.findall(r'bin/tlog"? (attest .*)$', "\n".join(scripts), re.MULTILINE)
    assert 3 == len(commands)
    for command in commands:
        verb, *arguments = command.replace('"', "").split()
        verb_parser(verb).parse_args(arguments)


def test_the_page_of_an_installation_is_shell_and_names_files_that_are_there() -> None:
    text = ""
    for block in blocks(OPS / "install.md"):
        run("sh", "-n", "-c", block.text)
        text += block.text
    named = re.findall(r"(?:systemd|prometheus)/[\w.-]+\.(?:\w+)", text)
    shipped = [it for it in named if not it.endswith("prometheus.yml")]
    assert len(shipped) >= 5
    for name in shipped:
        assert (OPS / name).exists(), name
