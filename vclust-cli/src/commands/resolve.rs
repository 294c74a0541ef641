//! `vclust resolve`

use std::io::Write;

use serde::Serialize;
use vclust_core::{Closure, Request, VersionView};

use crate::arguments::{Format, Resolve};
use crate::failure::Failure;
use crate::load;
use crate::output::{bytes, counted};

/// The JSON answer, a contract.
#[derive(Serialize)]
struct Answer<'a> {
    request: Vec<String>,
    install: Vec<Change<'a>>,
    remove: Vec<Change<'a>>,
    download_bytes: u64,
    installed_bytes: u64,
}

#[derive(Serialize)]
struct Change<'a> {
    package: String,
    version: String,
    architecture: &'a str,
    size: u64,
    installed_size: u64,
}

pub(crate) fn run(arguments: &Resolve, format: Format) -> Result<(), Failure> {
    let root = load::root_of(arguments.installed.as_deref(), arguments.root);
    let loaded = load::load(&arguments.source, &root)?;
    let meta_packages = load::meta_packages(&arguments.meta_packages)?;
    let items = meta_packages.expand_names(
        &loaded.index,
        &arguments.packages,
        arguments.install_recommends,
    )?;
    let request = Request::new(items).install_recommends(arguments.install_recommends);
    let closure = request.resolve(&loaded.index, &loaded.policy)?;
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match format {
        Format::Json => {
            serde_json::to_writer(&mut out, &answer(&closure, &arguments.packages))
                .map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Text => print(&mut out, &closure)?,
    }
    out.flush()?;
    // The process ends here: giving the index back piece by piece would only take time.
    std::mem::forget(loaded);
    Ok(())
}

fn answer<'a>(closure: &Closure<'a>, request: &[String]) -> Answer<'a> {
    Answer {
        request: request.to_vec(),
        install: closure.install().map(change).collect(),
        remove: closure.remove().map(change).collect(),
        download_bytes: closure.download_bytes(),
        installed_bytes: closure.installed_bytes(),
    }
}

fn change(version: VersionView<'_>) -> Change<'_> {
    Change {
        package: version.name().into_owned(),
        version: version.version().into_owned(),
        architecture: version.architecture(),
        size: version.size(),
        installed_size: version.installed_size(),
    }
}

fn print(out: &mut impl Write, closure: &Closure<'_>) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    let faint = anstyle::Style::new().dimmed();
    for version in closure.install() {
        let before = version.package().installed();
        let note = before.map(|old| format!(" (was {})", old.version())).unwrap_or_default();
        writeln!(
            out,
            "{}{}{} {}{note}",
            bold,
            full_name(&version),
            anstyle::Reset,
            version.version()
        )?;
    }
    for version in closure.remove() {
        writeln!(out, "{} {} (removed)", full_name(&version), version.version())?;
    }
    let removed = closure.remove().count();
    let removal = if removed == 0 {
        String::new()
    } else {
        format!(", {} removed", counted(removed, "package"))
    };
    writeln!(
        out,
        "{faint}{} to install{removal}: {} to download, {} installed{faint:#}",
        counted(closure.len(), "package"),
        bytes(closure.download_bytes()),
        bytes(closure.installed_bytes())
    )
}

/// The name, with the architecture where it is a foreign one.
fn full_name(version: &VersionView<'_>) -> String {
    let package = version.package();
    if package.architecture() == version.index().native_architecture() {
        return package.name().into_owned();
    }
    format!("{}:{}", package.name(), package.architecture())
}
