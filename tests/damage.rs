//! Whatever is done to what was saved: it opens or it is refused with a reason; nothing panics, and
//! it takes no longer than it is let.

#![cfg(not(target_arch = "wasm32"))]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kubarium::api::codec;
use kubarium::cluster::ClusterConfig;
use kubarium::protocol::{Place, UserCommand};
use kubarium::session::{
    Keeper, Opening, Progress, Records, Saved, Session, decode_link, read_records, to_text,
};
use kubarium::sim::{SimDuration, SimRng};

/// A session with a bit of everything in it.
fn session() -> Session {
    let mut session = Session::new(ClusterConfig::default());
    let place = |name: &str| Place {
        namespace: "default".to_owned(),
        name: name.to_owned(),
    };
    let run = |session: &mut Session, secs| {
        let until = session.cluster().now() + SimDuration::secs(secs);
        session.advance(until, u32::MAX);
    };
    run(&mut session, 30);
    session.execute(UserCommand::SetLoad {
        to: place("hello"),
        node: "worker-2".to_owned(),
        from: Place::default(),
        per_second: 2,
        path: "/".to_owned(),
    });
    session.execute(UserCommand::SetImage {
        at: place("hello"),
        container: "*".to_owned(),
        image: "nginx:no-such-tag".to_owned(),
    });
    run(&mut session, 20);
    session.execute(UserCommand::SetNode {
        name: "worker-1".to_owned(),
        on: false,
    });
    session.execute(UserCommand::SetPart {
        name: "kube-scheduler".to_owned(),
        on: false,
    });
    run(&mut session, 5);
    session
}

/// Opens it as the page does and lets it run; answers whether it opened.
fn try_open(saved: Result<Saved, String>) -> bool {
    let told = |why: &str| assert!(!why.is_empty(), "a refusal has a reason");
    let opening = saved.and_then(Opening::new);
    let mut opening = match opening {
        Ok(opening) => opening,
        Err(why) => {
            told(&why);
            return false;
        }
    };
    let mut slices = 0;
    loop {
        slices += 1;
        match opening.run(2_000) {
            Ok(Progress::Done) => break,
            Ok(Progress::Working(_)) if slices == 5 => opening.hurry(),
            Ok(Progress::Working(_)) => assert!(slices < 20, "it does not end"),
            Err(why) => {
                told(&why);
                return false;
            }
        }
    }
    let (mut session, _) = opening.finish();
    let until = session.cluster().now() + SimDuration::secs(30);
    session.advance(until, 3_000);
    let _ = session.cluster().backup();
    true
}

/// A text with something wrong in it.
fn damaged(text: &str, rng: &mut SimRng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = rng.below(bytes.len() as u64) as usize;
    match rng.below(5) {
        0 => bytes.truncate(at),
        1 => bytes[at] = b' ' + rng.below(94) as u8,
        // A digit somewhere after becomes another, or many.
        2 | 3 => {
            let digit = bytes[at..].iter().position(u8::is_ascii_digit);
            let with: &[u8] = match rng.below(4) {
                0 => b"18446744073709551615",
                1 => b"-1",
                2 => b"9999999999999999999999",
                _ => b"7",
            };
            let digit = at + digit.unwrap_or(0);
            bytes.splice(digit..=digit.min(text.len() - 1), with.iter().copied());
        }
        _ => {
            let end = (at + rng.below(200) as usize).min(bytes.len());
            bytes.drain(at..end);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const ROUNDS: u64 = 50;

#[test]
fn a_damaged_file_opens_or_is_refused() {
    let tape = codec::to_json(&session().save());
    let whole = codec::to_json(&session().save_whole());
    let backup = codec::to_json(&Saved::of_backup(session().cluster().backup().into()));
    assert!([&tape, &whole, &backup].map(|text| try_open(Saved::parse(text))) == [true; 3]);
    let mut rng = SimRng::new(1);
    let mut opened = 0;
    for text in [&tape, &whole, &backup] {
        for _ in 0..ROUNDS {
            let text = damaged(text, &mut rng);
            opened += u64::from(try_open(Saved::parse(&text)));
        }
    }
    assert!((1..3 * ROUNDS).contains(&opened), "{opened}");
}

#[test]
fn damaged_records_open_or_are_refused() {
    let mut session = session();
    let mut keeper = Keeper::default();
    let mut records = Records::new();
    keeper.batch(&mut session, 0).apply(&mut records);
    keeper.batch(&mut session, 60_000).apply(&mut records);
    assert_eq!(records.len(), 3, "head, tape and backup");
    let mut rng = SimRng::new(2);
    for _ in 0..ROUNDS {
        let mut records = records.clone();
        let name = records.keys().nth(rng.below(3) as usize).cloned();
        let name = name.expect("three");
        match rng.below(4) {
            0 => drop(records.remove(&name)),
            _ => drop(records.insert(name.clone(), damaged(&records[&name], &mut rng))),
        }
        let read = read_records(&records).and_then(|found| match found {
            Some((saved, _)) => Ok(saved),
            None => Err("nothing there".to_owned()),
        });
        // With the tape or the backup whole, there is something to open.
        let whole = name == "2/backup" || name == "2/tape/0000";
        assert!(try_open(read) || !whole, "{name}");
        // What is kept aside can be read again, or is refused as before.
        try_open(Saved::parse(&to_text(&records)));
    }
}

#[test]
fn a_damaged_link_opens_or_is_refused() {
    let mut rng = SimRng::new(3);
    let session = session();
    let tape = session.link().expect("a link");
    let backup = Saved::of_backup(session.cluster().backup().into());
    let backup = kubarium::session::encode_link(&backup);
    assert!(tape.starts_with("k2.") && backup.starts_with("k3."));
    for link in [&tape, &backup] {
        assert!(try_open(decode_link(link)));
        for _ in 0..ROUNDS {
            try_open(decode_link(&damaged(link, &mut rng)));
        }
        // What was packed anew after a change is as good as any link.
        let packed = URL_SAFE_NO_PAD.decode(&link[3..]).expect("base64");
        let json = miniz_oxide::inflate::decompress_to_vec(&packed).expect("packed");
        let json = String::from_utf8(json).expect("text");
        for _ in 0..ROUNDS / 3 {
            let json = damaged(&json, &mut rng);
            let packed = miniz_oxide::deflate::compress_to_vec(json.as_bytes(), 1);
            let link = format!("{}{}", &link[..3], URL_SAFE_NO_PAD.encode(packed));
            try_open(decode_link(&link));
        }
    }
}
