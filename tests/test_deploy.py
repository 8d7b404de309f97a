"""What lies in deploy/ fits the service: settings, metrics, commands and the runbook."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from app.core.database import db, init_database
from config import ROOT, Settings, new_signing_key
from tests.support.api import log_in, sign_up

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SETTINGS = {name.upper() for name in Settings.model_fields}
NOT_OURS = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "DOMAIN"}
NOT_OURS |= {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == "latchkey"]
RULES = [rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
BOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
QUERIES = [rule["expr"] for rule in RULES]
QUERIES += [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


def variables():
    """Every environment variable that a file of deploy/ sets."""
    for service in COMPOSE["services"].values():
        yield from service.get("environment", {})
    for line in (DEPLOY / "latchkey.env.example").read_text().splitlines():
        yield from re.findall(r"^([A-Z_]+)=", line)
    for unit in UNITS:
        for line in re.findall(r"^Environment=(.*)$", unit.read_text(), re.MULTILINE):
            yield from (pair.partition("=")[0] for pair in line.split())
    for line in re.findall(r"^ENV (.*)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE):
        yield from (pair.partition("=")[0] for pair in line.split())


def test_every_variable_that_is_set_is_a_setting():
    found = set(variables())
    assert {"DATABASE_URL", "SECRET_KEY", "APP_ENV", "CLEANUP_INTERVAL_MINUTES"} <= found
    assert found - NOT_OURS <= SETTINGS


def test_the_composition_is_what_the_documentation_says():
    assert COMPOSE["services"].keys() == {
        "app", "mail-deliverer", "proxy", "database", "redis", "mail-catcher",
    }  # fmt: skip
    assert COMPOSE["services"]["app"]["deploy"]["replicas"] == 2
    assert (OURS, COMPOSE["services"]["database"].get("ports")) == (["app", "mail-deliverer"], None)
    for name in OURS:
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    networks = {network for service in COMPOSE["services"].values() for network in service["networks"]}
    assert networks == COMPOSE["networks"].keys()


def test_the_settings_of_the_composition_are_good_ones():
    told = {name.lower(): str(value) for name, value in COMPOSE["x-service"]["environment"].items()}
    told |= {"database_url": "postgresql://latchkey:x@database/latchkey", "signing_key": new_signing_key()}
    settings = Settings(
        app_env="production", public_url="https://localhost", secret_key="Zk3-x9_QpLw7vT2mZk3-x9_QpLw7vT2m",
        metrics_token="a token for Prometheus", **told,
    )  # fmt: skip
    network = COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert [str(each) for each in settings.trusted_proxies] == [network]


def test_process_without_capabilities_may_stay_root():
    for name, service in COMPOSE["services"].items():
        if service.get("cap_drop") == ["ALL"]:
            assert name in OURS or service["user"] not in ("root", "0"), name


def test_database_accepts_all_connections_during_a_rolling_update():
    app = Flask("deploy")
    init_database(app, "postgresql+psycopg://nobody@127.0.0.1/nothing")
    with app.app_context():
        each = sum(engine.pool.size() for engine in db.engines.values())
    workers = int(re.search(r"^WORKERS=(\d+)$", (DEPLOY / "latchkey.env.example").read_text(), re.MULTILINE)[1])
    allowed = int(COMPOSE["services"]["database"]["command"][-1].removeprefix("max_connections="))
    replicas = COMPOSE["services"]["app"]["deploy"]["replicas"]
    assert (2 * replicas * workers + 1) * each < allowed - 3  # which PostgreSQL keeps for its superuser


def test_image_runs_without_root_and_without_build_tools():
    last = (DEPLOY / "Containerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER \d+:\d+$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert not re.search(r"pip install|apt-get|gcc", last)


@pytest.mark.settings(metrics="on", ratelimit_enabled=True)
def test_every_metric_that_an_alert_or_a_panel_names_exists(client):
    sign_up(client)
    while log_in(client).status_code == 200:
        pass
    families = text_string_to_metric_families(client.get("/metrics").text)
    there = {sample.name for family in families for sample in family.samples}
    named = {name for query in QUERIES for name in re.findall(r"latchkey_\w+", query)}
    assert len(named) > 8
    assert named <= there


@pytest.mark.settings(metrics="on")
def test_every_label_that_a_query_chooses_by_exists(client):
    sign_up(client)
    families = text_string_to_metric_families(client.get("/metrics").text)
    labels = {label for family in families for sample in family.samples for label in sample.labels} | {"le", "job"}
    chosen = {label for query in QUERIES for label in re.findall(r"[{,]\s*(\w+)\s*[=!]", query)}
    chosen |= {label for query in QUERIES for by in re.findall(r"by \(([^)]+)\)", query) for label in by.split(", ")}
    assert chosen <= labels


def test_every_route_that_a_query_names_exists(app):
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    assert {route for query in QUERIES for route in re.findall(r'route!?="([^"]+)"', query)} <= routes


def test_for_every_alert_the_runbook_says_what_to_do():
    headings = set(re.findall(r"^### (Latchkey\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE))
    assert headings == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_there_is(app, unit):
    text = unit.read_text()
    if unit.suffix in (".timer", ".socket"):
        assert unit.with_suffix(".service").exists()
        return
    command = re.search(r"^ExecStart=/opt/latchkey/\.venv/bin/(.+)$", text, re.MULTILINE)[1].split()
    if command[0] == "flask":
        group = app.cli.get_command(None, command[1])
        assert command[2] in group.commands
    else:
        assert (ROOT / command[1]).exists()
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(text.splitlines())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="not here: systemd-analyze")
def test_systemd_understands_the_units(tmp_path):
    units = [shutil.copy(unit, tmp_path / unit.name.replace("@", "@8001")) for unit in UNITS]
    told = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True).stderr
    assert [line for line in told.splitlines() if "/opt/latchkey/.venv/bin/" not in line] == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="not here: promtool")
@pytest.mark.parametrize(
    "command", ["test rules tests/deploy/alerts_test.yml", "check config --syntax-only deploy/prometheus.yml"]
)
def test_prometheus_tells_what_it_should_and_no_more(command):
    told = subprocess.run(["promtool", *command.split()], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.skipif(not shutil.which("caddy"), reason="not here: caddy")
def test_caddy_understands_its_file():
    told = subprocess.run(["caddy", "adapt", "--config", DEPLOY / "Caddyfile"], capture_output=True, text=True)
    assert (told.returncode, "reverse_proxy" in told.stdout) == (0, True), told.stderr
