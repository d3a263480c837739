//! What crosses between the page and the engine: plain data that knows no Kubernetes type.
//!
//! The page sends [`ToEngine`], the engine answers with [`FromEngine`], both as JSON text.

mod aside;
mod command;
mod new_cluster;
mod objects;
mod outbox;
mod screen;
mod traffic;
mod workload;

pub use aside::{Aside, AsideCommand};
pub use command::{Place, Report, ReportError, Served, UserCommand};
pub use new_cluster::NewCluster;
pub use objects::{
    KindView, ObjectView, Objects, ObjectsRequest, ObjectsUpdate, RowView, TableView,
};
pub use outbox::{Outbox, Outgoing};
pub use screen::{
    Beside, Clock, EventView, NodeView, PartView, PodView, Present, Screen, ScreenUpdate, Storage,
    Tab, TraceView, ViewRequest,
};
pub use traffic::{
    ChoiceView, EndpointView, FailureView, HopView, LoadCountView, LoadView, PacketView, PortView,
    RequestView, ServiceView, Spot,
};
pub use workload::{
    ConditionView, ContainerView, DetailView, OwnedView, RevisionView, RolloutView,
};

use serde::{Deserialize, Serialize};

/// The longest file that is imported, in bytes.
pub const FILE_LIMIT: u32 = 64 * 1_024 * 1_024;

/// What the page asks of the clock. None of it changes the cluster's own history, so none of it is
/// on the tape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockCommand {
    /// Time stands still.
    Pause,
    /// Time goes on.
    Resume,
    /// Thousandths of real time: 1000 is as fast as real time.
    Speed(u32),
    /// The next event happens.
    NextEvent,
    /// Look at this moment, in microseconds of the cluster's time. What came after it is kept.
    RewindTo(u64),
    /// Look at the present again.
    ReturnToNow,
    /// The moment looked at is the present from now on. What came after it is kept aside where the
    /// store may be written, and forgotten where not.
    CarryOn,
}

/// What the page says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// Begin: with the situation in a link, or with the saved one, or anew.
    Open {
        /// The link's fragment; empty where there is none.
        fragment: String,
    },
    /// Do something to the cluster.
    Command {
        /// Comes back with the answer.
        id: u32,
        /// What to do.
        command: UserCommand,
    },
    /// Do something to the clock.
    Clock(ClockCommand),
    /// Show this.
    View(ViewRequest),
    /// Begin anew, with a cluster of this size. One that somebody did something to is kept aside.
    New(NewCluster),
    /// Make a link that carries the situation.
    MakeLink,
    /// Make a file that carries the situation.
    Export,
    /// Begin with the situation in a file.
    Import(String),
    /// Do what was asked last, although the cluster that gives way is kept nowhere.
    Anyway,
    /// Begin anew, whatever is saved: that is kept aside.
    OpenAnew,
    /// Do something with what is kept aside.
    Aside(AsideCommand),
    /// Say that you live.
    Ping,
    /// Crash, as a test asks: nothing on the page sends this.
    CrashForTest,
}

/// What a person can do about something that they are told. Few of the page's messages are such a
/// thing: reading all of them would weigh on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Remedy {
    /// Do what was asked last, although the cluster that gives way is kept nowhere.
    Anyway,
    /// Begin anew, whatever is saved.
    OpenAnew,
    /// Make a file of what is kept aside under this name.
    Export(String),
}

impl Remedy {
    /// What the page says to the engine.
    pub fn message(self) -> ToEngine {
        match self {
            Self::Anyway => ToEngine::Anyway,
            Self::OpenAnew => ToEngine::OpenAnew,
            Self::Export(name) => ToEngine::Aside(AsideCommand::Export(name)),
        }
    }
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// The worker is there and hears what is said.
    Ready,
    /// Something takes a while, and the cluster stands still meanwhile.
    Loading {
        /// What it does, such as `replaying`.
        what: String,
        /// How many hundredths of it are done, where that is known.
        percent: Option<u8>,
    },
    /// What took a while is through.
    Loaded,
    /// What changed on the screen; the first one holds everything.
    Screen(Box<ScreenUpdate>),
    /// A command was carried out, or refused, and saved.
    Done {
        /// The command's number.
        id: u32,
        /// What became of it.
        report: Report,
    },
    /// The fragment of a link.
    Link(String),
    /// The text of a file.
    File(String),
    /// What is kept aside, the newest first.
    Aside(Vec<Aside>),
    /// Something to tell the person.
    Notice(String),
    /// Something to tell the person, and what they can do about it.
    Offer {
        /// What is to be told.
        text: String,
        /// The word for what they can do.
        label: String,
        /// What they do.
        remedy: Remedy,
    },
    /// It lives.
    Pong,
    /// It is about to end, for this reason: nothing that is said to it from now on is heard.
    Crashed(String),
}
