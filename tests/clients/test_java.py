"""Java's own HTTP client, on which Spring AI and LangChain4j stand: it begins each connection with an offer of HTTP/2.

Java 11 or newer runs the program from its source, if the compiler is there.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.own_folder import own_folder
from tests.fixtures_live import DEMO, start_live_service, stop_live_service
from tests.fixtures_service import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PROGRAM = """
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

public class Ask {
  public static void main(String[] args) throws Exception {
    URI chat = URI.create(args[0] + "/engines/v1/chat/completions");
    HttpClient kept = HttpClient.newHttpClient();
    ask(kept, chat, BodyPublishers.ofString(args[1]));
    ask(kept, chat, BodyPublishers.ofString(args[2]));
    ask(HttpClient.newHttpClient(), chat,
        BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(args[1].getBytes())));
  }

  static void ask(HttpClient client, URI uri, BodyPublisher body) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(uri).header("Content-Type", "application/json").POST(body).build();
    HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
    System.out.println(response.version() + " " + response.statusCode() + " " + response.body().replace("\\n", " "));
  }
}
"""


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    port = free_port()
    with own_folder() as folder:
        service = start_live_service(folder, "--tcp", str(port))
        try:
            yield f"http://localhost:{port}"
        finally:
            stop_live_service(service)


@pytest.mark.skipif(shutil.which("javac") is None, reason="Java's compiler is not installed")
def test_bodies_arrive_whole_streamed_and_of_unknown_length(root: str, tmp_path: Path) -> None:
    program = tmp_path / "Ask.java"
    program.write_text(PROGRAM)
    question = {"model": DEMO, "messages": [{"role": "user", "content": "What is 3 + 4?"}]}
    bodies = [json.dumps(question), json.dumps({**question, "stream": True})]
    ran = subprocess.run(
        ["java", str(program), root, *bodies], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    whole, streamed, of_unknown_length = ran.stdout.splitlines()
    for answer in (whole, of_unknown_length):
        version, status, body = answer.split(" ", 2)
        assert (version, status) == ("HTTP_1_1", "200")
        assert "7" in json.loads(body)["choices"][0]["message"]["content"]
    assert streamed.startswith("HTTP_1_1 200 data: ")
    assert streamed.rstrip().endswith("data: [DONE]")
