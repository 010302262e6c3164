"""Runs schemathesis against a GlassBox of its own, with things in it that operations can be tried on.

usage: scripts/schemathesis.py SCHEMATHESIS GLASSBOX [OPTION…]

SCHEMATHESIS and GLASSBOX are the two programs; further options go to schemathesis. The server runs in development mode
on a private Postgres (GLASSBOX_POSTGRES_INSTALL_DIR) that is deleted afterwards. GLASSBOX_SERVER=http://… uses a server
that runs already.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

# Requests for an operation in each phase. More find more and take longer.
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "10")
START_SECONDS = 120


class Server:
    def __init__(self, program, folder):
        self.folder = folder
        self.log = open(folder / "server.log", "w")
        # On folders of its own; the account that Postgres runs under must get there.
        data = folder / "data"
        data.mkdir()
        for path in [folder, data]:
            path.chmod(0o755)
        environment = {
            "GLASSBOX_SERVER_LISTEN": "127.0.0.1:0",
            "GLASSBOX_SERVER_MODE": "development",
            "GLASSBOX_POSTGRES_DATA_DIR": str(data),
            "GLASSBOX_FILES_DIR": str(folder / "files"),
        }
        environment = {**os.environ, **environment}
        environment.pop("DATABASE_URL", None)
        self.process = subprocess.Popen(
            [program, "serve"], env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self.address = self.wait_for_address()

    def wait_for_address(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            found = re.search(r"GlassBox is at (http://[^/\s]+)", line)
            if found:
                return found.group(1)
            if not line and self.process.poll() is not None:
                break
        raise SystemExit(f"GlassBox did not start:\n{(self.folder / 'server.log').read_text()[-3000:]}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def failures(self):
        """What the server itself calls its own mistakes."""
        lines = (self.folder / "server.log").read_text().splitlines()
        return [line for line in lines if '"level":"error"' in line or " ERROR " in line]


class Api:
    """What one person can ask for."""

    def __init__(self, address, email):
        self.base = f"{address}/api/v1"
        self.token = None
        authenticated = self.post("/auth/dev-token", {"email": email})
        self.token, self.user = authenticated["token"], authenticated["user"]["id"]

    def ask(self, method, path, body=None):
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, content, method=method)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def post(self, path, body):
        return self.ask("POST", path, body)

    def first_of(self, path):
        """The first of a list in which something is about to be."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if listed := self.ask("GET", path)["items"]:
                return listed[0]
            time.sleep(0.1)
        raise SystemExit(f"nothing came to be in {path}")


def furnish(address, api):
    """Something of each sort, and where it is in addresses."""
    org = api.post("/orgs", {"name": "Schemathesis"})["id"]
    project = api.post(f"/orgs/{org}/projects", {"name": "Project"})["id"]
    nodes = [api.post(f"/projects/{project}/nodes", {"title": f"Node {n}", "body": "# Text"})["id"] for n in range(3)]
    edge = {"sourceNodeId": nodes[0], "targetNodeId": nodes[1]}
    structure = {"nodes": [{"key": "a", "title": "A"}]}
    webhook = api.post(f"/orgs/{org}/webhooks", {"url": "https://example.com/hooks", "active": False})["id"]
    name = api.post(f"/projects/{project}/documents", {"title": "Document"})["name"]
    model = {"name": "m", "baseUrl": "https://example.com/v1", "model": "m", "contextTokens": 1000, "outputTokens": 100}
    colleague = Api(address, "colleague@example.com")
    api.post(f"/orgs/{org}/members", {"email": "colleague@example.com", "role": "member"})
    api.post(f"/projects/{project}/members", {"email": "colleague@example.com", "role": "member"})
    colleague.ask("PATCH", f"/nodes/{nodes[2]}", {"metadata": {"assignees": [api.user]}})
    api.post(f"/nodes/{nodes[0]}/execute", {"mode": "propose", "plan": False})
    return {
        "orgId": org,
        "projectId": project,
        "nodeId": nodes[0],
        "inputId": api.post(f"/nodes/{nodes[0]}/inputs", {"type": "text", "text": "in"})["id"],
        "outputId": api.post(f"/nodes/{nodes[0]}/outputs", {"type": "text", "text": "out"})["id"],
        "dependencyId": api.post(f"/projects/{project}/dependencies", edge)["id"],
        "templateId": api.post(f"/orgs/{org}/templates", {"name": "T", "structure": structure})["id"],
        "name": name,
        "versionId": api.post(f"/documents/{name}/history/versions", {"name": "First"})["id"],
        "webhookId": webhook,
        "deliveryId": api.post(f"/orgs/{org}/webhooks/{webhook}/ping", {})["id"],
        "userId": colleague.user,
        "keyId": api.post(f"/orgs/{org}/api-keys", {"name": "Key", "scopes": ["api:read"]})["id"],
        "fileId": upload(api, org, project),
        "modelId": api.post(f"/orgs/{org}/models", model)["id"],
        "executionId": api.post(f"/nodes/{nodes[1]}/execute", {})["id"],
        "version": 1,
        "invitationId": api.post(f"/orgs/{org}/invitations", {"email": "new@example.com", "role": "member"})["id"],
        "notificationId": api.first_of("/users/me/notifications")["id"],
        "proposalId": api.first_of(f"/nodes/{nodes[0]}/proposals")["id"],
    }


def upload(api, org, project):
    """A file whose bytes are there."""
    announced = api.post(f"/orgs/{org}/files/upload", {"filename": "notes.txt", "contentType": "text/plain", "projectId": project})
    request = urllib.request.Request(announced["uploadUrl"], b"Notes", announced["uploadHeaders"], method="PUT")
    urllib.request.urlopen(request).close()
    return api.post(f"/files/{announced['fileId']}/confirm", {})["id"]


def configuration(api, things, folder):
    """What schemathesis reads: https://schemathesis.readthedocs.io/en/stable/reference/configuration/"""
    lines = [
        f'base-url = "{api.base.removesuffix("/api/v1")}"',
        f'headers = {{ Authorization = "Bearer {api.token}" }}',
        "[generation]",
        f"max-examples = {EXAMPLES}",
        "[checks]",
        # All of them. On the command line, that would outdo what is said of some operations below.
        "enabled = true",
        # What fits the description may still not fit what is there: a cursor, a place that has moved, an id of nothing.
        # 410: of what there was it is no longer kept.
        'positive_data_acceptance.expected-statuses = ["2xx", 304, 400, 403, 404, 406, 409, 410, 412, 422]',
        "[parameters]",
    ]
    lines += [f'"path.{name}" = {json.dumps(value)}' for name, value in things.items()]
    # Of several ids in an address, one is of what was just made, and the others are of something else.
    lines += ["[[operations]]", r"include-path-regex = '\}/.*\{'", "checks.ensure_resource_availability.enabled = false"]
    path = folder / "schemathesis.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    schemathesis, glassbox, *options = sys.argv[1:]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="glassbox-schemathesis-"))
    running = os.environ.get("GLASSBOX_SERVER")
    server = None if running else Server(glassbox, folder)
    try:
        address = running or server.address
        api = Api(address, "schemathesis@example.com")
        config = configuration(api, furnish(address, api), folder)
        command = [schemathesis, "--config-file", str(config), "run", f"{api.base}/openapi.json"]
        status = subprocess.run(command + options).returncode
        failures = server.failures() if server else []
        for line in failures[:20]:
            print(f"the server's log: {line}")
    finally:
        if server:
            server.stop()
    if status == 0 and not failures:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"The server's log is kept in {folder}")
    raise SystemExit(status or bool(failures))


if __name__ == "__main__":
    main()
