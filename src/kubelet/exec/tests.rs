use super::*;
use crate::kubelet::image;
use crate::network::call::CallOutcome;
use crate::network::http::HttpResponse;

pub fn place(image: &str) -> Place {
    let mut pod = Pod::default();
    pod.metadata.name = Some("web-1".to_owned());
    pod.metadata.namespace = Some("shop".to_owned());
    Place {
        pod: Arc::new(pod),
        spec: Spec::default(),
        program: image::find(image).expect("it is there"),
        ip: "10.244.1.7".to_owned(),
        node: "node-1".to_owned(),
        started: SimTime::from_secs(1_767_225_600),
        starts: 1,
        now: SimTime::from_secs(1_767_225_660),
        services: Vec::new(),
    }
}

fn answering(what: CallWhat) -> CallAnswer {
    let outcome = match what {
        CallWhat::Http { host, path, .. } if host == "web" => CallOutcome::Answered(HttpResponse {
            status: 200,
            body: format!("hello from {path}\n"),
        }),
        CallWhat::Http { host, .. } => CallOutcome::NoSuchName {
            server: "10.96.0.10".to_owned(),
            name: host,
        },
        CallWhat::Resolve { name, .. } => CallOutcome::NoSuchName {
            server: "10.96.0.10".to_owned(),
            name,
        },
    };
    let took = SimDuration::ZERO;
    CallAnswer { outcome, took }
}

/// What a command prints, and its exit code.
fn run(image: &str, command: &[&str], input: Option<&str>) -> (String, String, Option<i32>) {
    let place = place(image);
    let argv = command.iter().map(|word| (*word).to_owned()).collect();
    let mut process =
        Process::start(30, argv, (input.is_some(), false), &place).expect("it starts");
    process.feed(input.unwrap_or_default(), true);
    let printed = process.advance(&place, &mut answering);
    (printed.out, printed.err, process.code())
}

fn script(image: &str, text: &str) -> (String, String, Option<i32>) {
    run(image, &["sh", "-c", text], None)
}

#[test]
fn commands_say_what_is_there() {
    for (command, want) in [
        (&["hostname"][..], "web-1\n"),
        (&["cat", "/etc/hostname"], "web-1\n"),
        (&["whoami"], "root\n"),
        (&["id"], "uid=0(root) gid=0(root) groups=0(root)\n"),
        (&["date"], "Thu Jan  1 00:01:00 UTC 2026\n"),
        (&["pwd"], "/\n"),
        (&["ls", "/etc"], "hostname\nhosts\nresolv.conf\n"),
        (&["printenv", "HOSTNAME"], "web-1\n"),
        (&["curl", "-s", "http://web/a?b=1"], "hello from /a?b=1\n"),
        (&["/bin/echo", "a", "b"], "a b\n"),
    ] {
        let (out, err, code) = run("luksa/kubia", command, None);
        assert_eq!(
            (out.as_str(), err.as_str(), code),
            (want, "", Some(0)),
            "{command:?}"
        );
    }
    let (out, ..) = run("luksa/kubia", &["ps", "aux"], None);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[1].starts_with("root         1") && lines[1].ends_with("node app.js"),
        "{out}"
    );
    assert!(lines[2].ends_with("ps aux") && lines.len() == 3, "{out}");
    let (out, ..) = run("busybox", &["ps"], None);
    assert_eq!(
        out,
        "PID   USER     TIME  COMMAND\n    1 root      0:00 sh\n   30 root      0:00 ps\n"
    );
}

#[test]
fn failures_have_their_words_and_codes() {
    for (command, want, code) in [
        (
            &["cat", "/x"][..],
            "cat: /x: No such file or directory\n",
            1,
        ),
        (
            &["ls", "/x"],
            "ls: cannot access '/x': No such file or directory\n",
            2,
        ),
        (
            &["curl", "nowhere"],
            "curl: (6) Could not resolve host: nowhere\n",
            6,
        ),
        (&["curl", "-s", "nowhere"], "", 6),
        (
            &["wget", "-qO-", "nowhere"],
            "wget: bad address 'nowhere'\n",
            1,
        ),
        (
            &["date", "-x"],
            "date: Kubarium does not simulate the option -x\n",
            2,
        ),
        (&["false"], "", 1),
        (&["sh", "-c", "foo"], "sh: 1: foo: not found\n", 127),
        (
            &["bash", "-c", "foo"],
            "bash: foo: command not found\n",
            127,
        ),
        (
            &["bash", "-c", "ls | wc"],
            "bash: syntax error: Kubarium's shells do not know | yet\n",
            2,
        ),
    ] {
        let (out, err, ended) = run("luksa/kubia", command, None);
        assert_eq!(
            (out.as_str(), err.as_str(), ended),
            ("", want, Some(code)),
            "{command:?}"
        );
    }
}

#[test]
fn what_an_image_lacks_cannot_be_started() {
    let start = |image: &str, program: &str| {
        let argv = vec![program.to_owned()];
        Process::start(30, argv, (false, false), &place(image)).err()
    };
    let refused = |program: &str, why: &str| {
        Some(format!(
            "OCI runtime exec failed: exec failed: unable to start container process: exec: \"{program}\": {why}: unknown"
        ))
    };
    let missing = "executable file not found in $PATH";
    assert_eq!(start("busybox", "foo"), refused("foo", missing));
    assert_eq!(start("busybox", "bash"), refused("bash", missing));
    assert_eq!(start("registry.k8s.io/pause", "sh"), refused("sh", missing));
    let stat = "stat /opt/ls: no such file or directory";
    assert_eq!(start("busybox", "/opt/ls"), refused("/opt/ls", stat));
    assert_eq!(start("busybox", "/bin/ls"), None);
}

#[test]
fn scripts_go_on_as_they_are_told() {
    for (text, want) in [
        ("echo a; echo b && echo c || echo d", "a\nb\nc\n"),
        ("false && echo a || echo b; echo $?", "b\n0\n"),
        ("false; echo $?; A='x y'; echo $A \"$A\"", "1\nx y x y\n"),
        ("cd /etc && pwd && ls hosts; cd ..; pwd", "/etc\nhosts\n/\n"),
        ("export X=1; printenv X; exit 3; echo no", "1\n"),
        ("echo $HOSTNAME", "web-1\n"),
    ] {
        assert_eq!(script("busybox", text).0, want, "{text}");
    }
    assert_eq!(script("busybox", "exit 3").2, Some(3));
    assert_eq!(
        script("busybox", "true; (ls)").0,
        "",
        "nothing of it is done"
    );
}

#[test]
fn input_is_read_by_shells_and_by_cat() {
    let (out, _, code) = run("busybox", &["sh"], Some("echo a\nhostname\nfalse"));
    assert_eq!((out.as_str(), code), ("a\nweb-1\n", Some(1)));
    let (out, _, code) = run("busybox", &["cat"], Some("one\ntwo"));
    assert_eq!((out.as_str(), code), ("one\ntwo", Some(0)));
    let (out, ..) = run("busybox", &["sh", "-c", "cat; echo end"], Some("x\n"));
    assert_eq!(out, "x\nend\n");
}

#[test]
fn a_shell_with_a_terminal_asks_for_each_line() {
    let mut place = place("busybox");
    let argv = vec!["sh".to_owned()];
    let mut shell = Process::start(30, argv, (true, true), &place).expect("it starts");
    let step = |shell: &mut Process, place: &Place, input: &str| {
        shell.feed(input, false);
        shell.advance(place, &mut answering).out
    };
    assert_eq!(step(&mut shell, &place, ""), "/ # ");
    assert_eq!(step(&mut shell, &place, "cd /e"), "");
    assert_eq!(step(&mut shell, &place, "tc\n"), "/etc # ");
    assert_eq!(step(&mut shell, &place, "sleep 2; echo up\n"), "");
    let until = shell.until().expect("it sleeps");
    assert_eq!(until, place.now + SimDuration::secs(2));
    place.now = until;
    assert_eq!(step(&mut shell, &place, "exit\n"), "up\n");
    assert_eq!(shell.code(), Some(0));
}

/// Whatever is asked ends, prints a bounded text and does not panic.
#[test]
fn nonsense_is_bounded() {
    let mut rng = crate::sim::SimRng::new(11);
    let words = [
        "cat",
        "/etc",
        "ls",
        "-x",
        "--",
        "ps",
        "-ef",
        "curl",
        "-m",
        "1",
        "-o",
        "http://",
        "a:b:c",
        "date",
        "+%s",
        "sleep",
        "1.5x",
        "9999999999999999999d",
        "tail",
        "ü",
        "wget",
        "-O",
        "-",
        "$?",
        "id",
        "-u",
        "sh",
        "env",
        "getent",
        "hosts",
        "nslookup",
        "echo",
        "-n",
        "exit",
        "cd",
        ";",
        "&&",
        "x=1",
        "uname",
    ];
    for _ in 0..5_000 {
        let count = rng.between(1, 6);
        let picked = (0..count).map(|_| words[rng.below(words.len() as u64) as usize]);
        let text = picked.collect::<Vec<_>>().join(" ");
        let (out, err, _) = script("luksa/kubia", &text);
        assert!(out.len() + err.len() < 2 * TEXT_LIMIT);
    }
    let long = "echo ".to_owned() + &"x".repeat(20_000);
    let many = format!("{long}; ").repeat(10);
    let (out, _, code) = script("busybox", &many);
    assert!(
        out.len() < 3 * TEXT_LIMIT && code.is_none(),
        "the rest comes later"
    );
}
