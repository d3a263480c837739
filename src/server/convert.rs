//! `kubarium convert -f FILE`: a manifest in the API versions that are served, on standard output.
//!
//! Upstream: kubectl-convert, v1.36. Left out: a version of one's choice, folders. Documents in which
//! nothing changes are printed as they are.

use crate::api::convert;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

/// Says a manifest in the API versions that are served.
#[derive(Clone, Debug, clap::Args)]
pub struct ConvertOptions {
    /// The manifest; - for standard input
    #[arg(short, long, value_name = "FILE")]
    pub filename: PathBuf,
}

/// Prints the manifest; a text that is none, or cannot be read, fails.
pub fn convert(options: &ConvertOptions) -> ExitCode {
    match read(options).and_then(|text| converted(options, text)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn read(options: &ConvertOptions) -> Result<String, String> {
    let path = &options.filename;
    // One byte more than a manifest may have, so that a longer one is refused for its length.
    let limit = u64::from(crate::api::manifest::TEXT_LIMIT) + 1;
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().take(limit).read_to_string(&mut text),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
        }
    };
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

fn converted(options: &ConvertOptions, text: String) -> Result<String, String> {
    match convert::convert(&text) {
        Ok(converted) => Ok(converted.map_or(text, |converted| converted.text)),
        Err(error) => Err(format!(
            "error parsing {}: {}",
            options.filename.display(),
            error.message
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_already_stays_and_what_is_no_manifest_is_refused() {
        let options = ConvertOptions {
            filename: "f.yml".into(),
        };
        let text = |text: &str| converted(&options, text.to_owned());
        assert_eq!(text("kind: Pod").as_deref(), Ok("kind: Pod"));
        let old = text("{apiVersion: batch/v1beta1, kind: CronJob}");
        assert_eq!(old.as_deref(), Ok("apiVersion: batch/v1\nkind: CronJob\n"));
        assert!(text("a: [").is_err_and(|message| message.starts_with("error parsing f.yml: ")));
        assert!(read(&options).is_err_and(|message| message.starts_with("f.yml: ")));
    }
}
