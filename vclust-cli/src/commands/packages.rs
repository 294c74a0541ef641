//! `vclust packages`

use std::io::Write;

use serde::Serialize;
use vclust_core::{
    DependencyGraph, Index, MetaPackage, MetaPackages, Policy, RelationKind, ResolveError,
    VersionView,
};

use vclust_debian::{AptConfiguration, Repository, Wanted};
use vclust_grid::{PackageSearch, PackageSource, RootState};

use crate::arguments::{Format, Packages, PackagesCommand, Source};
use crate::failure::Failure;
use crate::load::{self, Loaded};
use crate::output::bytes;
use crate::progress::Bars;

pub(crate) fn run(arguments: &Packages, format: Format) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match &arguments.command {
        PackagesCommand::Update { source, sources } => update(&mut out, source, *sources, format)?,
        PackagesCommand::Search { source, names_only, patterns } => {
            let loaded = load::load(source, &RootState::Empty)?;
            search(&mut out, &loaded, patterns, *names_only, format)?;
        }
        PackagesCommand::Show { source, all_versions, packages } => {
            let loaded = load::load(source, &RootState::Empty)?;
            show(&mut out, &loaded, packages, *all_versions, format)?;
        }
        PackagesCommand::Why { source, from, to } => {
            let loaded = load::load(source, &RootState::Empty)?;
            why(&mut out, &loaded, from, to, format)?;
        }
        PackagesCommand::NeededBy { source, all, package } => {
            let loaded = load::load(source, &RootState::Empty)?;
            needed_by(&mut out, &loaded, package, *all, format)?;
        }
        PackagesCommand::Meta { meta_packages, name } => {
            meta(&mut out, &load::meta_packages(meta_packages)?, name.as_deref(), format)?;
        }
    }
    out.flush()?;
    Ok(())
}

#[derive(Serialize)]
struct SuiteReport {
    archive: String,
    #[serde(rename = "suite")]
    name: String,
    changed: bool,
    downloaded_bytes: u64,
    seconds: f64,
    files: Vec<String>,
}

fn update(
    out: &mut impl Write,
    source: &Source,
    sources: bool,
    format: Format,
) -> Result<(), Failure> {
    let apt = AptConfiguration::load()?;
    let source = PackageSource::from(source);
    let repositories = match source.repository(&apt)? {
        Some(repository) => vec![repository],
        None => Repository::of_machine(&apt)?,
    };
    if repositories.is_empty() {
        return Err(Failure::NoSources);
    }
    let wanted = if sources { Wanted::PackagesAndSources } else { Wanted::Packages };
    let mut suites = Vec::new();
    for repository in repositories {
        let bars = Bars::new();
        let done = source.update(repository, &apt, wanted, &|progress| bars.report(progress));
        bars.clear();
        let done = done?;
        let suite = SuiteReport {
            archive: done.repository.uri,
            name: done.repository.suite,
            changed: done.updated.changed,
            downloaded_bytes: done.updated.downloaded,
            seconds: done.seconds,
            files: done.files.iter().map(|file| file.path.display().to_string()).collect(),
        };
        if format == Format::Text {
            let what = if suite.changed { "updated" } else { "unchanged" };
            writeln!(
                out,
                "{} {}: {what}, {} in {:.1} s",
                suite.archive,
                suite.name,
                bytes(suite.downloaded_bytes),
                suite.seconds
            )?;
            out.flush()?;
        }
        suites.push(suite);
    }
    if format == Format::Json { json(out, &suites) } else { Ok(()) }
}

#[derive(Serialize)]
struct Found<'a> {
    package: String,
    version: String,
    architecture: &'a str,
    summary: String,
}

fn search(
    out: &mut impl Write,
    loaded: &Loaded,
    patterns: &[String],
    names_only: bool,
    format: Format,
) -> Result<(), Failure> {
    let search = PackageSearch::new(patterns.iter().map(String::as_str))?.names_only(names_only);
    let found: Vec<Found<'_>> = search
        .find(loaded)
        .iter()
        .map(|version| Found {
            package: version.name().into_owned(),
            version: version.version().into_owned(),
            architecture: version.architecture(),
            summary: summary(version),
        })
        .collect();
    if format == Format::Json {
        return json(out, &found);
    }
    if found.is_empty() {
        let what = patterns.join(" and ");
        return Err(Failure::NothingFound { what });
    }
    let bold = anstyle::Style::new().bold();
    for found in &found {
        writeln!(out, "{bold}{}{bold:#} {} - {}", found.package, found.version, found.summary)?;
    }
    Ok(())
}

fn summary(version: &VersionView<'_>) -> String {
    let text = version.field("Description").unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

fn show(
    out: &mut impl Write,
    loaded: &Loaded,
    names: &[String],
    all_versions: bool,
    format: Format,
) -> Result<(), Failure> {
    let index = &loaded.index;
    let mut versions = Vec::new();
    for name in names {
        let (bare, architecture) = match name.rsplit_once(':') {
            Some((bare, architecture)) => (bare, Some(architecture)),
            None => (name.as_str(), None),
        };
        let package = match architecture {
            Some(architecture) => index.find_on(bare, architecture),
            None => index.find(bare),
        };
        let Some(package) = package else {
            let mut providers: Vec<String> =
                index.providers(bare).map(|version| version.name().into_owned()).collect();
            providers.dedup();
            return Err(if providers.is_empty() {
                unknown(index, name).into()
            } else {
                ResolveError::Virtual { package: name.clone(), providers }.into()
            });
        };
        if all_versions {
            versions.extend(package.versions());
        } else {
            let candidate = loaded.policy.candidate(index, package.id());
            versions.extend(candidate.map(|id| index.version(id)).or(package.versions().next()));
        }
    }
    if format == Format::Json {
        let documents: Vec<_> = versions.iter().map(fields).collect();
        return json(out, &documents);
    }
    let bold = anstyle::Style::new().bold();
    for (place, version) in versions.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        for field in version.stanza().fields().filter_map(Result::ok) {
            let name = String::from_utf8_lossy(field.name);
            writeln!(out, "{bold}{name}{bold:#}: {}", field.text())?;
        }
    }
    Ok(())
}

fn fields(version: &VersionView<'_>) -> serde_json::Map<String, serde_json::Value> {
    let stanza = version.stanza();
    stanza
        .fields()
        .filter_map(Result::ok)
        .map(|field| {
            let name = String::from_utf8_lossy(field.name).into_owned();
            (name, serde_json::Value::String(field.text().into_owned()))
        })
        .collect()
}

fn unknown(index: &Index, name: &str) -> ResolveError {
    ResolveError::Unknown { package: name.to_owned(), similar: index.similar_names(name) }
}

fn find<'a>(index: &'a Index, policy: &Policy, name: &str) -> Result<VersionView<'a>, Failure> {
    let package = index.find(name).ok_or_else(|| unknown(index, name))?;
    let candidate = policy.candidate(index, package.id());
    let candidate =
        candidate.ok_or_else(|| ResolveError::NoCandidate { package: name.to_owned() })?;
    Ok(index.version(candidate))
}

#[derive(Serialize)]
struct Step {
    package: String,
    version: String,
    relation: &'static str,
}

fn why(
    out: &mut impl Write,
    loaded: &Loaded,
    from: &str,
    to: &str,
    format: Format,
) -> Result<(), Failure> {
    let Loaded { index, policy, .. } = loaded;
    let (start, end) = (find(index, policy, from)?, find(index, policy, to)?);
    let graph = DependencyGraph::of_candidates(index, policy);
    let chain = graph.why(start.id(), end.id());
    if chain.is_empty() {
        return Err(Failure::NoChain { from: from.to_owned(), to: to.to_owned() });
    }
    let steps: Vec<Step> = chain
        .iter()
        .map(|(edge, version)| Step {
            package: version.name().into_owned(),
            version: version.version().into_owned(),
            relation: edge.kind.field(),
        })
        .collect();
    if format == Format::Json {
        return json(out, &steps);
    }
    write!(out, "{from}")?;
    for step in &steps {
        let verb = if step.relation == RelationKind::PreDepends.field() {
            "pre-depends on"
        } else {
            "depends on"
        };
        write!(out, "\n  {verb} {} {}", step.package, step.version)?;
    }
    writeln!(out)?;
    Ok(())
}

fn needed_by(
    out: &mut impl Write,
    loaded: &Loaded,
    name: &str,
    all: bool,
    format: Format,
) -> Result<(), Failure> {
    let Loaded { index, policy, .. } = loaded;
    let version = find(index, policy, name)?;
    let graph = DependencyGraph::of_candidates(index, policy);
    let mut names: Vec<String> = if all {
        graph.needed_by(version.id()).iter().map(|other| other.name().into_owned()).collect()
    } else {
        let hard = [RelationKind::Depends, RelationKind::PreDepends];
        let dependants = graph.dependants(version.id()).into_iter();
        dependants
            .filter(|(edge, _)| hard.contains(&edge.kind))
            .map(|(_, other)| other.name().into_owned())
            .collect()
    };
    names.sort();
    names.dedup();
    if format == Format::Json {
        return json(out, &names);
    }
    for name in names {
        writeln!(out, "{name}")?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Unit<'a> {
    id: &'a str,
    title: &'a str,
    description: &'a str,
    packages: Vec<String>,
}

fn meta(
    out: &mut impl Write,
    units: &MetaPackages,
    name: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let mut list = Vec::new();
    for unit in units.iter() {
        let named = name.is_none_or(|name| units.get(name).map(MetaPackage::id) == Some(unit.id()));
        if !named {
            continue;
        }
        let members = units.expand(unit.id().as_str())?;
        let packages =
            members.iter().map(|member| member.alternatives().collect::<Vec<_>>().join(" | "));
        list.push(Unit {
            id: unit.id().as_str(),
            title: unit.title(),
            description: unit.description(),
            packages: packages.collect(),
        });
    }
    if let (Some(name), true) = (name, list.is_empty()) {
        // Names near to a mistyped one come with the library's own error.
        units.expand(name)?;
    }
    if format == Format::Json {
        return json(out, &list);
    }
    let bold = anstyle::Style::new().bold();
    for unit in &list {
        writeln!(out, "{bold}{}{bold:#}: {}", unit.id, unit.title)?;
        if name.is_some() {
            writeln!(out, "{}", unit.description.trim_end())?;
            for package in &unit.packages {
                writeln!(out, "  {package}")?;
            }
        }
    }
    Ok(())
}

fn json(out: &mut impl Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}
