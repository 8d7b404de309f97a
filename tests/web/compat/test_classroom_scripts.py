"""Scripts of learners run on the modules of app/compat, each in a process of its own."""

import base64
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import ROOT
from tests.conftest import package
from tests.support.ports import unused_port
from tests.support.profile import in_ci
from tests.web.compat.test_user_service import EMAIL, NEW_PASSWD, PASSWD, Script

COMPAT = ROOT / "app/compat"
TEXT = Path(__file__).with_name("snippets.txt").read_text()
SNIPPETS = dict(re.findall(r"^== (.+)\n((?:.*\n)*?)(?=\n== |\Z)", TEXT, re.MULTILINE))
SIGNS = {"<id>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<bcrypt>": r"\$2b\$\d\d\$[./A-Za-z0-9]{53}"}
# Each script is run by a child that has loaded what takes long, and none of our modules for learners.
RUN_ALL = """
import atexit, os, pathlib, runpy, sys, traceback
import app

for script in sorted(pathlib.Path().glob("*.py")):
    child = os.fork()
    if not child:
        output = os.open(script.with_suffix(".out"), os.O_CREAT | os.O_WRONLY)
        os.dup2(output, 1), os.dup2(output, 2)
        try:
            runpy.run_path(str(script), run_name="__main__")
        except Exception:
            traceback.print_exc()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(0)  # taking the interpreter apart would take longer than the script
    os.waitpid(child, 0)
"""
OWN_FLASK_APP = """
from flask import Flask, request
from api.v1.auth.auth import Auth
from api.v1.auth.session_auth import SessionAuth
from models.user import User

user = User()
user.email = "bobsession@hbtn.io"
user.password = "fake pwd"
user.save()
sa = SessionAuth()
print(sa.create_session(user.id), user.id, flush=True)
app = Flask(__name__)

@app.route("/cookie")
def cookie():
    return "Cookie value: {}\\n".format(Auth().session_cookie(request))

@app.route("/")
def root_path():
    request_user = sa.current_user(request)
    if request_user is None:
        return "No user found\\n"
    return "User found: {}\\n".format(request_user.id)

@app.route("/out")
def out():
    return str(sa.destroy_session(request))

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=PORT)
"""
OWN_USER_SERVICE = """
from flask import Flask, abort, jsonify, redirect, request
from auth import Auth

AUTH = Auth()
app = Flask(__name__)

def user():
    return AUTH.get_user_from_session_id(request.cookies.get("session_id")) or abort(403)

@app.route("/")
def welcome():
    return jsonify({"message": "Bienvenue"})

@app.route("/users", methods=["POST"])
def users():
    try:
        AUTH.register_user(request.form["email"], request.form["password"])
    except ValueError:
        return jsonify({"message": "email already registered"}), 400
    return jsonify({"email": request.form["email"], "message": "user created"})

@app.route("/sessions", methods=["POST"])
def log_in():
    if not AUTH.valid_login(request.form["email"], request.form["password"]):
        abort(401)
    answer = jsonify({"email": request.form["email"], "message": "logged in"})
    answer.set_cookie("session_id", AUTH.create_session(request.form["email"]))
    return answer

@app.route("/sessions", methods=["DELETE"])
def log_out():
    AUTH.destroy_session(user().id)
    return redirect("/")

@app.route("/profile")
def profile():
    return jsonify({"email": user().email})

@app.route("/reset_password", methods=["POST"])
def reset():
    token = AUTH.get_reset_password_token(request.form["email"])
    return jsonify({"email": request.form["email"], "reset_token": token})

@app.route("/reset_password", methods=["PUT"])
def update():
    AUTH.update_password(request.form["reset_token"], request.form["new_password"])
    return jsonify({"email": request.form["email"], "message": "Password updated"})

if __name__ == "__main__":
    app.run(host="127.0.0.1", port=PORT)
"""


def environ(folder, **settings):
    return {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(COMPAT), "INSTANCE_PATH": str(folder / "instance"),
        "BCRYPT_ROUNDS": "4", **settings,
    }  # fmt: skip


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each script prints, by its name."""
    folder = tmp_path_factory.mktemp("learner")
    for number, text in enumerate(SNIPPETS.values()):
        (folder / f"main_{number:02}.py").write_text(text.partition("-- prints\n")[0])
    settings = environ(folder, PYTHONPATH=f"{COMPAT}:{ROOT}")
    subprocess.run([sys.executable, "-c", RUN_ALL], env=settings, cwd=folder, check=True, timeout=120)
    return {name: (folder / f"main_{number:02}.out").read_text() for number, name in enumerate(SNIPPETS)}


@in_ci
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes fork to run many scripts in a short time")
@pytest.mark.parametrize("name", SNIPPETS)
def test_classroom_script_prints_the_expected_output(printed, name):
    expected = re.escape(SNIPPETS[name].partition("-- prints\n")[2].rstrip("\n"))
    for sign, pattern in SIGNS.items():
        expected = expected.replace(re.escape(sign), pattern)
    assert re.fullmatch(expected, printed[name].rstrip("\n")), printed[name]


@pytest.fixture
def serve(tmp_path):
    """`serve("app.py", text)`: a learner's server that answers, its URL and the file of what it prints."""
    running = []

    def serve(*command, text="", **settings):
        port = unused_port()
        if text:
            (tmp_path / command[0]).write_text(text.replace("PORT", str(port)))
        log = tmp_path / "log"
        settings = {name: value.replace("PORT", str(port)) for name, value in settings.items()}
        with log.open("w") as output:
            running.append(subprocess.Popen(
                [sys.executable, *command], env=environ(tmp_path, **settings), cwd=tmp_path,
                stdout=output, stderr=output,
            ))  # fmt: skip
        while running[-1].poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return f"http://127.0.0.1:{port}", log
            except OSError:
                time.sleep(0.05)
        return pytest.fail(log.read_text())

    yield serve
    for process in running:
        process.kill()
        process.wait()


def test_sessions_work_in_a_flask_app_of_ones_own(serve):
    requests = package("requests")
    url, log = serve("main_4.py", text=OWN_FLASK_APP)
    session_id, user_id = log.read_text().split()[:2]

    def ask(path, **cookies):
        return requests.get(url + path, cookies=cookies, timeout=20).text

    assert ask("/cookie") == "Cookie value: None\n"
    assert ask("/cookie", _my_session_id="Hello") == "Cookie value: Hello\n"
    assert ask("/") == ask("/", _my_session_id="Holberton") == "No user found\n"
    assert ask("/", _my_session_id=session_id) == f"User found: {user_id}\n"
    assert [ask("/out", _my_session_id=session_id) for _ in range(2)] == ["True", "False"]


def test_published_script_passes_with_an_own_app_py(serve):
    url, _ = serve("app.py", text=OWN_USER_SERVICE)
    script = Script(url)
    script.register_user(EMAIL, PASSWD)
    script.log_in_wrong_password(EMAIL, NEW_PASSWD)
    script.profile_unlogged()
    session_id = script.log_in(EMAIL, PASSWD)
    script.profile_logged(session_id)
    script.log_out(session_id)
    script.update_password(EMAIL, script.reset_password_token(EMAIL), NEW_PASSWD)
    assert script.log_in(EMAIL, NEW_PASSWD)


@in_ci
def test_the_api_is_served_by_its_own_command(serve, tmp_path):
    requests = package("requests")
    settings = {"API_HOST": "127.0.0.1", "API_PORT": "PORT", "MAIL_PORT": str(unused_port())}
    url, _ = serve("-m", "api.v1.app", AUTH_TYPE="basic_auth", **settings)
    main = "from models.user import User\nuser = User(email='bob@hbtn.io', password='H0lbertonSchool98!')\nuser.save()"
    subprocess.run([sys.executable, "-c", main], env=environ(tmp_path), cwd=tmp_path, check=True, timeout=60)
    given = base64.b64encode(b"bob@hbtn.io:H0lbertonSchool98!").decode()
    answers = [
        requests.get(f"{url}/api/v1/{path}", headers={"Authorization": header} if header else {}, timeout=20)
        for path, header in (
            ("status", ""), ("users", ""), ("users", "Test"), ("users", "Basic test"), ("users/me", f"Basic {given}"),
        )
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 401, 403, 403, 200]
    assert answers[-1].json()["email"] == "bob@hbtn.io"


def test_production_refuses_the_modules(tmp_path):
    command = [sys.executable, "-c", "import db"]
    settings = environ(
        tmp_path, APP_ENV="production", SECRET_KEY=os.urandom(30).hex(), SIGNING_KEY="x", PUBLIC_URL="https://a.b"
    )
    done = subprocess.run(command, env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "COMPAT_API must be off in production" in done.stderr) == (1, True)


@pytest.mark.settings(password_min_length=6, allow_common_passwords=True)
@pytest.mark.parametrize("password", ["123456", "user123"])
def test_sample_passwords_are_taken_where_a_setting_allows_them(client, password):
    body = {"email": "user@example.com", "password": password}
    assert client.post("/api/v1/auth/signup", json=body).status_code == 201
    assert client.post("/api/v1/auth/login", json=body).status_code == 200


@pytest.mark.settings(password_min_length=6)
@pytest.mark.parametrize(("password", "code"), [("123456", "password_common"), ("user123", "password_common")])
def test_sample_passwords_are_refused_without_the_setting(client, password, code):
    answer = client.post("/api/v1/auth/signup", json={"email": "user@example.com", "password": password})
    assert (answer.status_code, answer.json["code"]) == (400, code)
