//! The real kubectl inside containers: exec, attach, port-forward and the API server's proxy, over
//! WebSocket and over SPDY.

use crate::kubectl::Kubectl;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// The variables by which kubectl is told to speak SPDY.
const SPDY: [(&str, &str); 2] = [
    ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "false"),
    ("KUBECTL_PORT_FORWARD_WEBSOCKETS", "false"),
];

fn started() -> Option<Kubectl> {
    let kubectl = Kubectl::start()?;
    kubectl.run("create deployment web --image=luksa/kubia");
    kubectl.run("expose deployment web --port=80 --target-port=8080");
    kubectl.run("run box --image=busybox -- sleep 9999");
    kubectl.run("rollout status deployment/web --timeout=60s");
    kubectl.run("wait --for=condition=Ready pod/box --timeout=60s");
    Some(kubectl)
}

/// Runs `kubectl exec ARGS` with an input; answers exit code, standard output and standard error.
fn exec(
    kubectl: &Kubectl,
    args: &[&str],
    input: Option<&str>,
    spdy: bool,
) -> (i32, String, String) {
    let mut command = kubectl.command_of(&[&["exec"], args].concat());
    if spdy {
        command.envs(SPDY);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let mut child = command.spawn().expect("kubectl runs");
    if let Some(input) = input {
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
    }
    let output = child.wait_with_output().expect("kubectl ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Arguments, input, exit code, standard output and standard error.
type Case<'a> = (&'a [&'a str], Option<&'a str>, i32, &'a str, &'a str);

const CASES: &[Case<'_>] = &[
    (&["box", "--", "hostname"], None, 0, "box\n", ""),
    (
        &["box", "-c", "box", "--", "echo", "a  b"],
        None,
        0,
        "a  b\n",
        "",
    ),
    (
        &["box", "--", "sh", "-c", "echo out; cat /none; exit 7"],
        None,
        7,
        "out\n",
        "cat: can't open '/none': No such file or directory\ncommand terminated with exit code 7\n",
    ),
    (
        &["-i", "box", "--", "sh"],
        Some("cd /etc\npwd\nsleep 2; echo ü"),
        0,
        "/etc\nü\n",
        "",
    ),
    (
        &["box", "-c", "other", "--", "ls"],
        None,
        1,
        "",
        "error: container other is not valid for pod box out of: box\n",
    ),
    (
        &["nobody", "--", "ls"],
        None,
        1,
        "",
        "Error from server (NotFound): pods \"nobody\" not found\n",
    ),
];

#[test]
fn commands_are_carried_out_in_containers() {
    let Some(kubectl) = started() else {
        return;
    };
    let long = "a line of some length\n".repeat(20_000);
    for spdy in [false, true] {
        for (args, input, code, out, err) in CASES {
            let mut ended = exec(&kubectl, args, *input, spdy);
            // What a kubectl before 1.34 leaves to the server to say.
            if ended.2
                == "Error from server (BadRequest): container other is not valid for pod box\n"
            {
                ended.2 =
                    "error: container other is not valid for pod box out of: box\n".to_owned();
            }
            let want = (*code, (*out).to_owned(), (*err).to_owned());
            assert_eq!(ended, want, "{args:?} spdy {spdy}");
        }
        let (code, out, err) = exec(&kubectl, &["-i", "box", "--", "cat"], Some(&long), spdy);
        assert!(
            code == 0 && out == long,
            "{} of {} bytes; {err}",
            out.len(),
            long.len()
        );
        let args = ["deploy/web", "--", "curl", "-s", "http://web"];
        let (code, out, _) = exec(&kubectl, &args, None, spdy);
        assert!(code == 0 && out.starts_with("You've hit web-"), "{out}");
        let (code, _, err) = exec(&kubectl, &["box", "--", "foo"], None, spdy);
        let starts = "error: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \"";
        let ends = "\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"foo\": executable file not found in $PATH: unknown\n";
        assert!(
            code == 1 && err.starts_with(starts) && err.ends_with(ends),
            "{err}"
        );
    }
}

#[test]
fn requests_that_cannot_be_connected_are_answered_in_words() {
    let Some(kubectl) = started() else {
        return;
    };
    let path = "/api/v1/namespaces/default/pods/box/exec?command=ls&stdout=true";
    let server = &kubectl.server;
    let answer = server.get(path);
    assert_eq!(
        (answer.code, answer.json()["message"].as_str()),
        (400, Some("Upgrade request required"))
    );
    let websocket = |name: &'static str, value: &str| {
        let ask = server.ask("GET", path).header("Connection", "Upgrade");
        let ask = ask
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13");
        let ask = ask.header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        ask.header(name, value).send()
    };
    assert_eq!(websocket("Origin", "http://example.com").code, 403);
    assert_eq!(
        websocket("Sec-WebSocket-Protocol", "v9.channel.k8s.io").code,
        400
    );
    kubectl.run("run lost --image=nginx:1.161");
    let late = Instant::now() + Duration::from_secs(20);
    let text = loop {
        let (_, _, text) = exec(&kubectl, &["lost", "--", "ls"], None, false);
        if !text.contains("does not have a host assigned") || Instant::now() > late {
            break text;
        }
    };
    assert_eq!(
        text,
        "error: unable to upgrade connection: container not found (\"lost\")\n"
    );
}

/// A process that is ended with the test. Its output stays open: it may go on to print.
struct Running(Child, Option<BufReader<ChildStdout>>);

impl Running {
    fn start(kubectl: &Kubectl, args: &[&str], spdy: bool) -> Self {
        let mut command = kubectl.command_of(args);
        if spdy {
            command.envs(SPDY);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("kubectl runs");
        let stdout = child.stdout.take().map(BufReader::new);
        Self(child, stdout)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let stdout = self.1.as_mut().expect("piped");
        stdout.read_line(&mut line).expect("a line");
        line
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `kubectl port-forward TARGET :PORT`; answers the local port.
fn forward(kubectl: &Kubectl, target: &str, port: u16, spdy: bool) -> (Running, u16) {
    let ports = format!(":{port}");
    let mut running = Running::start(kubectl, &["port-forward", target, &ports], spdy);
    let line = running.line();
    let local = line.trim().strip_prefix("Forwarding from 127.0.0.1:");
    let local = local.and_then(|rest| rest.split(' ').next()?.parse().ok());
    (running, local.unwrap_or_else(|| panic!("{line}")))
}

/// One connection with these requests; answers all that comes.
fn talk(port: u16, requests: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a limit");
    stream.write_all(requests.as_bytes()).expect("sent");
    let mut text = String::new();
    // A connection that is refused is broken off.
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn ports_are_forwarded_to_containers() {
    let Some(kubectl) = started() else {
        return;
    };
    let get = |path: &str, close: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: {close}\r\n\r\n")
    };
    for spdy in [false, true] {
        let (_running, local) = forward(&kubectl, "deployment/web", 8_080, spdy);
        let two = get("/a", "keep-alive") + &get("/b", "close");
        for _ in 0..3 {
            let text = talk(local, &two);
            assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
            assert_eq!(text.matches("You've hit web-").count(), 2, "{text}");
        }
        let text = talk(local, "this is no HTTP\r\n\r\n");
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 400"),
            "{text}"
        );
        assert!(
            talk(local, &get("/", "close")).contains("You've hit"),
            "it goes on"
        );
        let (_running, local) = forward(&kubectl, "pod/box", 99, spdy);
        assert_eq!(talk(local, &get("/", "close")), "", "nothing listens there");
    }
    let log = kubectl.run("logs deployment/web");
    assert!(log.contains("Received request from 127.0.0.1"), "{log}");
}

#[test]
fn the_api_server_passes_requests_on() {
    let Some(kubectl) = started() else {
        return;
    };
    let pod = kubectl.run("get pods -l app=web -o jsonpath={.items[0].metadata.name}");
    let base = "get --raw /api/v1/namespaces/default";
    let hit = format!("You've hit {pod}");
    kubectl.expect(&[
        (&format!("{base}/pods/{pod}:8080/proxy/"), hit.as_str()),
        (
            &format!("{base}/pods/http:{pod}:8080/proxy/a/b?c=d"),
            hit.as_str(),
        ),
        (&format!("{base}/services/web/proxy/"), hit.as_str()),
        (&format!("{base}/services/web:80/proxy/x"), hit.as_str()),
    ]);
    let shared = r#"--overrides={"spec":{"hostNetwork":true}}"#;
    kubectl.run(&format!("run shared --image=luksa/kubia {shared}"));
    kubectl.run("wait --for=condition=Ready pod/shared --timeout=60s");
    let path = format!("{base}/pods/shared:8080/proxy/");
    kubectl.expect(&[(&path, "You've hit ")]);
    for (path, words) in [
        ("pods/nobody/proxy/", "pods \"nobody\" not found"),
        ("pods/box:99/proxy/", "connect: connection refused"),
        ("pods/https:box:99/proxy/", "do not speak https"),
        (
            "services/web:81/proxy/",
            "no service port \"81\" found for service \"web\"",
        ),
    ] {
        let (code, text) = kubectl.try_run(&format!("{base}/{path}"));
        assert!(code != 0 && text.contains(words), "{path}: {text}");
    }
}

#[test]
fn a_container_is_watched_from_now_on() {
    let Some(kubectl) = started() else {
        return;
    };
    kubectl.run("exec box -- wget -qO- http://web");
    for spdy in [false, true] {
        let mut running = Running::start(&kubectl, &["attach", "deployment/web"], spdy);
        let ask = || {
            std::thread::sleep(Duration::from_millis(1_500));
            kubectl.run("exec box -- wget -qO- http://web");
        };
        let line = std::thread::scope(|scope| {
            scope.spawn(ask);
            running.line()
        });
        assert!(line.starts_with("Received request from 10.244."), "{line}");
        let selector = "delete pod -l app=web --wait=false --grace-period=1";
        kubectl.run(selector);
        let late = Instant::now() + Duration::from_secs(20);
        while running.0.try_wait().expect("its state").is_none() {
            assert!(Instant::now() < late, "it does not end with its container");
            std::thread::sleep(Duration::from_millis(50));
        }
        kubectl.run("rollout status deployment/web --timeout=60s");
    }
}
