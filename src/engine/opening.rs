//! How the engine begins: with a link, with what is saved, or anew; and how a long replay lets the
//! page live.

use super::{Shared, clock, post, saving, storage, wait};
use crate::cluster::ClusterConfig;
use crate::protocol::{AsideCommand, ClockCommand, FromEngine, Remedy, Storage, ToEngine};
use crate::session::{
    Opening, Past, Progress, Records, Saved, Session, decode_link, goes_on_from, read_records,
    to_text,
};
use crate::sim::{SimDuration, SimTime};

/// How far a new cluster runs before it is shown, so that the first screen is alive.
const HEAD_START_MICROS: u64 = 25_000_000;
/// How many events happen between two looks at the real clock.
const SLICE_EVENTS: u32 = 200;
/// How long the page waits for a slice, and for the whole, in milliseconds of real time.
const SLICE_MS: u64 = 30;
const PATIENCE_MS: u64 = 25_000;
/// Why something is kept aside.
const NEW: &str = "a new cluster took its place";
const FILE: &str = "a cluster from a file took its place";
const KEPT: &str = "a cluster that was kept aside took its place";
const EARLIER: &str = "an earlier moment of it was carried on from";
const LINK: &str = "the cluster of a link took its place";
const CRASHED: &str = "the engine crashed with it";
const DAMAGED: &str = "it could not be opened";
const ANOTHER: &str = " This is another one.";
const OTHER_TAB: &str = "the saved cluster is open in another tab";

/// A new cluster that has run a little.
async fn new_session(config: ClusterConfig) -> Session {
    let head_start = SimDuration::micros(HEAD_START_MICROS);
    let opening = Opening::fresh(config.clone(), head_start);
    match drive(opening, "creating the cluster", u64::MAX).await {
        Ok((session, _)) => session,
        // A cluster that begins has nothing that could be wrong with it.
        Err(_) => Session::new(config),
    }
}

/// Tells the page how far something is that takes a while.
fn progress(what: &str, percent: Option<u8>) {
    let what = what.to_owned();
    post(&FromEngine::Loading { what, percent });
}

/// Runs an opening to its end, a slice at a time.
///
/// # Errors
/// Why it cannot be opened, for a person.
async fn drive(
    mut opening: Opening,
    what: &str,
    patience_ms: u64,
) -> Result<(Session, Vec<String>), String> {
    let mut began = clock::now_ms();
    let mut fell_back = false;
    loop {
        let slice = clock::now_ms();
        if opening.has_fallen_back() != fell_back {
            fell_back = opening.has_fallen_back();
            began = slice;
        }
        if slice.saturating_sub(began) > patience_ms {
            opening.hurry();
        }
        let mut percent = 0;
        while clock::now_ms().saturating_sub(slice) < SLICE_MS {
            match opening.run(SLICE_EVENTS)? {
                Progress::Done => return Ok(opening.finish()),
                Progress::Working(hundredths) => percent = hundredths,
            }
        }
        progress(what, Some(percent));
        wait::sleep(0).await;
    }
}

/// A session to begin with.
struct Begun {
    session: Session,
    /// The link that it came from.
    link: Option<String>,
    notices: Vec<String>,
    /// What was kept aside lies under this name.
    aside: Option<String>,
    /// The store held a backup of it.
    backed_up: bool,
}

/// Opens a link, else what was saved, else a new cluster. `anew`: a new cluster at once, and what is
/// saved is kept aside.
pub async fn open(engine: Shared, fragment: String, anew: bool) {
    progress("looking for what is saved", None);
    let may_save = storage::hold().await;
    let loaded = storage::load().await;
    let mut barred = String::new();
    if !may_save {
        OTHER_TAB.clone_into(&mut barred);
    }
    let records = loaded.as_ref().cloned().unwrap_or_default();
    let mut begun = match anew {
        true => aside(&records, may_save, &mut barred, ("What was saved", CRASHED)).await,
        false => begin(&records, fragment, may_save, &mut barred).await,
    };
    if !may_save {
        begun.notices.insert(0, format!(
            "Here is a copy: {OTHER_TAB}, and only that one is saved. To go on here, close the other tab and load this page again."
        ));
    }
    {
        let mut engine = engine.borrow_mut();
        engine.saving.barred = barred;
        engine.saving.unread = loaded.is_err();
        engine.storage = engine.saving.storage(&Storage::Unknown);
        engine.begin(begun.session);
        if let Some(link) = &begun.link {
            engine.saving.keeper.note_link(link);
        }
        if begun.backed_up {
            engine.saving.keeper.hurry_backup();
        }
        engine.open = true;
    }
    saving::soon(&engine);
    tell(begun.notices, begun.aside);
    super::go_on(&engine);
}

fn tell(notices: Vec<String>, aside: Option<String>) {
    if notices.is_empty() {
        return;
    }
    let text = notices.join(" ");
    post(&match aside {
        None => FromEngine::Notice(text),
        Some(name) => FromEngine::Offer {
            text,
            label: "Save it as a file".to_owned(),
            remedy: Remedy::Export(name),
        },
    });
}

async fn begin(records: &Records, fragment: String, may_save: bool, barred: &mut String) -> Begun {
    let mut notices = Vec::new();
    if !fragment.is_empty() && !goes_on_from(records, &fragment) {
        match open_link(&fragment).await {
            Ok((session, told)) => {
                let mut begun = if worth_keeping(records) {
                    aside(records, may_save, barred, ("Your own cluster", LINK)).await
                } else {
                    Begun::of(Session::new(ClusterConfig::default()))
                };
                begun.session = session;
                begun.notices.extend(told);
                begun.link = Some(fragment);
                return begun;
            }
            Err(why) => notices.push(why),
        }
    }
    let saved = read_records(records);
    // Only a session that is replayed loses its backup by being written anew.
    let backed_up = match &saved {
        Ok(Some((saved, _))) if saved.backup.is_some() => Some(saved.tape.len()),
        _ => None,
    };
    let opened = match saved {
        Ok(None) => Ok(None),
        Ok(Some((saved, notice))) => {
            notices.extend(notice);
            match Opening::new(saved) {
                Ok(opening) => drive(opening, "replaying", PATIENCE_MS).await.map(Some),
                Err(why) => Err(why),
            }
        }
        Err(why) => Err(why),
    };
    match opened {
        Ok(None) => Begun {
            notices,
            ..Begun::of(new_session(ClusterConfig::default()).await)
        },
        Ok(Some((session, told))) => {
            notices.extend(told);
            Begun {
                notices,
                // A link that could not be opened is not tried again at each reload.
                link: (!fragment.is_empty()).then_some(fragment),
                backed_up: backed_up == Some(session.tape().len()),
                ..Begun::of(session)
            }
        }
        Err(why) => {
            notices.push(format!("What was saved cannot be opened: {why}."));
            let mut begun = aside(records, may_save, barred, ("It", DAMAGED)).await;
            notices.append(&mut begun.notices);
            begun.notices = notices;
            begun
        }
    }
}

impl Begun {
    fn of(session: Session) -> Self {
        Self {
            session,
            link: None,
            notices: Vec::new(),
            aside: None,
            backed_up: false,
        }
    }
}

async fn open_link(fragment: &str) -> Result<(Session, Vec<String>), String> {
    let opening = decode_link(fragment).and_then(Opening::new);
    let opened = match opening {
        Ok(opening) => drive(opening, "replaying", PATIENCE_MS).await,
        Err(why) => Err(why),
    };
    opened.map_err(|why| match why.starts_with("The link") {
        true => why,
        false => format!("The link cannot be opened: {why}."),
    })
}

/// Whether somebody did something to the saved cluster, or it cannot be told.
fn worth_keeping(records: &Records) -> bool {
    match read_records(records) {
        Ok(None) => false,
        Ok(Some((saved, _))) => !saved.tape.is_empty() || saved.base.is_some(),
        Err(_) => true,
    }
}

/// Keeps what is saved aside and begins a new cluster. Where it cannot be kept, it is not
/// overwritten either.
async fn aside(
    records: &Records,
    may_save: bool,
    barred: &mut String,
    (what, why): (&str, &str),
) -> Begun {
    let mut begun = Begun::of(new_session(ClusterConfig::default()).await);
    if records.is_empty() || !may_save {
        return begun;
    }
    match storage::keep_aside(&to_text(records), why, None).await {
        Ok(name) => {
            begun.notices.push([&kept_aside(what), ANOTHER].concat());
            // What was meant to go is no trouble: it lies under its menu.
            begun.aside = (why != LINK).then_some(name);
        }
        Err(why) => {
            *barred =
                format!("what is saved could not be kept aside, so it is left as it is ({why})");
            begun.notices.push(format!(
                "This is another cluster, and it is not saved: {barred}."
            ));
        }
    }
    begun
}

fn kept_aside(what: &str) -> String {
    format!("{what} is kept aside: look under Cluster, Kept aside.")
}

/// Whether somebody did something to the session.
fn is_touched(session: &Session) -> bool {
    !session.tape().is_empty() || session.base().is_some()
}

/// Why what `message` asks for would lose the cluster there is: another one takes its place, and this
/// tab may keep it nowhere. `None` where nothing is lost.
pub fn loss(engine: &Shared, message: &ToEngine) -> Option<String> {
    let gives_way = matches!(
        message,
        ToEngine::New(_) | ToEngine::Import(_) | ToEngine::Aside(AsideCommand::Open(_))
    );
    let engine = engine.borrow();
    if !gives_way || !is_touched(&engine.session) {
        return None;
    }
    let saving = &engine.saving;
    match saving.barred.as_str() {
        "" => saving
            .unread
            .then(|| "nobody could read yet what is saved here".to_owned()),
        why => Some(why.to_owned()),
    }
}

/// Asks before the cluster there is gets lost.
pub fn ask(engine: &Shared, message: ToEngine, why: &str) {
    engine.borrow_mut().asked = Some(message);
    post(&FromEngine::Offer {
        text: format!(
            "The cluster you have would be gone: it cannot be kept aside ({why}). Export it to a file first if you want it back."
        ),
        label: "Go on without it".to_owned(),
        remedy: Remedy::Anyway,
    });
}

/// The person has to say first that what is there may be lost.
struct Asked;

/// Keeps the cluster that another one is about to replace aside, where somebody did something to it
/// and this tab saves; answers what is to be told. Where it cannot be kept, it is not overwritten
/// either: the person is asked whether to go on without it, by saying `message` again. `leaving` is
/// kept aside no longer than until it is saved.
///
/// # Errors
/// The person was asked: nothing is to be done yet.
async fn keep_own(
    engine: &Shared,
    why: &str,
    leaving: Option<&str>,
    message: ToEngine,
) -> Result<Option<String>, Asked> {
    let records = {
        let engine = engine.borrow();
        let session = &engine.session;
        if !is_touched(session) || !engine.saving.barred.is_empty() || engine.saving.unread {
            return Ok(None);
        }
        // As it is now, rather than as it was saved last.
        to_file(session)
    };
    match storage::keep_aside(&records, why, leaving).await {
        Ok(_) => Ok(Some(match why {
            EARLIER => kept_aside("What came after this moment"),
            _ => [&kept_aside("The cluster you had"), ANOTHER].concat(),
        })),
        Err(why) if !std::mem::take(&mut engine.borrow_mut().anyway) => {
            ask(engine, message, &why);
            Err(Asked)
        }
        Err(why) => {
            let why =
                format!("what is saved could not be kept aside, so it is left as it is ({why})");
            let text = format!("This cluster is not saved: {why}.");
            let mut engine = engine.borrow_mut();
            engine.storage = Storage::MemoryOnly(why.clone());
            engine.saving.barred = why;
            Ok(Some(text))
        }
    }
}

/// The text of a file that holds the session.
pub fn to_file(session: &Session) -> String {
    crate::api::codec::to_json(&session.save_whole())
}

/// Begins with a new cluster in the place of the one there is.
/// `message` asked for it.
pub async fn replace(engine: Shared, config: ClusterConfig, message: ToEngine) {
    let session = new_session(config).await;
    if let Ok(kept) = keep_own(&engine, NEW, None, message).await {
        engine.borrow_mut().begin(session);
        tell(kept.into_iter().collect(), None);
    }
    super::go_on(&engine);
}

/// Opens the text of a file, or what is kept aside under the name `leaving`.
pub async fn import(engine: Shared, text: String, leaving: Option<String>) {
    progress("reading the file", None);
    wait::sleep(0).await;
    let opening = Saved::parse(&text).and_then(Opening::new);
    let opened = match opening {
        Ok(opening) => drive(opening, "replaying", PATIENCE_MS).await,
        Err(why) => Err(why),
    };
    match opened {
        Ok((session, told)) => {
            let why = if leaving.is_some() { KEPT } else { FILE };
            let message = match &leaving {
                Some(name) => ToEngine::Aside(AsideCommand::Open(name.clone())),
                None => ToEngine::Import(text),
            };
            let kept = keep_own(&engine, why, leaving.as_deref(), message).await;
            let Ok(kept) = kept else {
                return super::go_on(&engine);
            };
            {
                let mut engine = engine.borrow_mut();
                engine.begin(session);
                engine.saving.leaving = leaving;
            }
            saving::soon(&engine);
            let mut notices = vec!["The file is open.".to_owned()];
            notices.extend(kept.into_iter().chain(told));
            tell(notices, None);
        }
        Err(why) => post(&FromEngine::Notice(format!(
            "The file cannot be opened: {why}."
        ))),
    }
    super::go_on(&engine);
}

/// Takes the moment on the screen for the present. What came after it is kept aside.
pub async fn carry_on(engine: Shared) {
    let cuts = {
        let engine = engine.borrow();
        engine
            .back
            .as_ref()
            .is_some_and(|back| back.past.later() > 0)
    };
    let message = ToEngine::Clock(ClockCommand::CarryOn);
    let kept = match cuts {
        true => keep_own(&engine, EARLIER, None, message).await,
        false => Ok(None),
    };
    if let Ok(kept) = kept {
        engine.borrow_mut().end_look_back(true);
        tell(kept.into_iter().collect(), None);
    }
    super::go_on(&engine);
}

/// Shows the session at an earlier moment.
pub async fn rewind(engine: Shared, to: SimTime) {
    let opening = Past::open(&engine.borrow().session, to);
    // A rewind takes what it takes and ends where it must.
    if let Ok((session, _)) = drive(opening, "going back", u64::MAX).await {
        let engine = &mut *engine.borrow_mut();
        let past = Past::new(session, &engine.session);
        engine.look_back(past);
    }
    super::go_on(&engine);
}
