"""requirements.lock has every package that requirements.txt brings along, at one version, with hashes."""

import re
from importlib.metadata import version

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import ROOT
from tests.test_packages import named_in, needed_by

LOCK = (ROOT / "requirements.lock").read_text()
ENTRY = re.compile(r"^(\S+)==(\S+?)(?: ; ([^\\\n]+?))? \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
LOCKED = {canonicalize_name(name): (pin, marker) for name, pin, marker, _ in ENTRY.findall(LOCK)}


def wanted() -> set[str]:
    """The packages that requirements.txt brings along on this machine, by what those that are installed ask for."""
    waiting, found = list(named_in(ROOT / "requirements.txt")), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) not in found:
            found.add((name, frozenset(requirement.extras)))
            waiting += needed_by(name, requirement.extras)
    return {name for name, _ in found}


def test_the_lock_has_the_versions_that_requirements_txt_pins():
    pins = {canonicalize_name(each.name): str(each.specifier) for each in named_in(ROOT / "requirements.txt")}
    assert len(pins) > 20
    assert pins == {name: f"=={LOCKED.get(name, ('missing', ''))[0]}" for name in pins}


def test_the_lock_has_every_package_that_these_need():
    here = {name for name, (_, marker) in LOCKED.items() if not marker or Marker(marker).evaluate()}
    assert wanted() - here == set()


def test_what_is_installed_fits_the_lock():
    asked = [each for name in wanted() for each in needed_by(name, set())]
    wrong = [str(each) for each in asked if not fits(each)]
    assert wrong == []


def fits(requirement: Requirement) -> bool:
    pin, _ = LOCKED[canonicalize_name(requirement.name)]
    return requirement.specifier.contains(pin, prereleases=True)


def test_the_tests_run_with_the_versions_of_the_lock():
    installed = {name: version(name) for name in wanted()}
    assert installed == {name: LOCKED[name][0] for name in installed}


def test_every_locked_package_has_hashes():
    rest = [line for line in ENTRY.sub("", LOCK).splitlines() if not line.lstrip().startswith("#")]
    assert rest == []
    assert "://" not in LOCK
