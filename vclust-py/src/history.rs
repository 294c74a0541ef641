//! What was requested and measured.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;
use vclust_core::{
    Appended, Event, EventFilter, EventId, EventKind, HistoryStore, OnError, Timestamp,
};
use vclust_debian::StateDirectory;
use vclust_grid::{ImportError, PastError, read_history};

use crate::convert;
use crate::error::Failure;
use crate::event_table::event_table;
use crate::table::Table;

/// Events in memory, each once, in the order in which they were added.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct History(Mutex<vclust_core::History>);

impl History {
    pub(crate) fn of(history: vclust_core::History) -> Self {
        Self(Mutex::new(history))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, vclust_core::History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl History {
    /// A history of events: dataclasses such as `InstallEvent`, or texts, a line of JSON each.
    #[new]
    #[pyo3(signature = (events=vec![]))]
    fn new(events: Vec<Bound<'_, PyAny>>) -> Result<Self, Failure> {
        let mut history = vclust_core::History::default();
        history.append(&to_events(&events)?)?;
        Ok(Self::of(history))
    }

    /// The events of a text, a line of JSON each.
    #[staticmethod]
    fn parse(py: Python<'_>, text: &str) -> Result<Self, Failure> {
        let parsed = py.detach(|| vclust_core::History::parse(text.as_bytes(), OnError::Stop));
        Ok(Self::of(parsed?.0))
    }

    /// The events of a file, a line of JSON each. Lines that hold no possible event are an error, or are left
    /// out with `skip_bad_lines`.
    #[staticmethod]
    #[pyo3(signature = (path, *, skip_bad_lines=false))]
    fn read(py: Python<'_>, path: PathBuf, skip_bad_lines: bool) -> Result<Self, Failure> {
        let read = py.detach(|| read_history(&path, on_error(skip_bad_lines)));
        Ok(Self::of(read?.0))
    }

    /// Adds events that are not there yet, all of them or with an error none; tells how many are new.
    fn append(&self, events: Vec<Bound<'_, PyAny>>) -> Result<usize, Failure> {
        let events = to_events(&events)?;
        Ok(self.lock().append(&events)?.new)
    }

    /// The events, or those of one kind (`request`, `transfer`, `install`, `phase`), since some moment, of some
    /// site, in their order.
    #[pyo3(signature = (kind=None, *, since=None, site=None))]
    fn events<'py>(
        &self,
        py: Python<'py>,
        kind: Option<&str>,
        since: Option<&Bound<'py, PyAny>>,
        site: Option<String>,
    ) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let wanted = filter(kind, since, site)?;
        let mut found = Vec::new();
        self.lock().for_each(&wanted, &mut |_, event| {
            found.push(event.clone());
            ControlFlow::Continue(())
        })?;
        of_events(py, &found)
    }

    /// The events of one kind as a table with a row each and their fields as columns, those of dpkg's steps left
    /// out, for whatever takes data over the Arrow C interface.
    #[pyo3(signature = (kind, *, since=None, site=None))]
    fn table(
        &self,
        py: Python<'_>,
        kind: &str,
        since: Option<&Bound<'_, PyAny>>,
        site: Option<String>,
    ) -> Result<Table, Failure> {
        let wanted = filter(Some(kind), since, site)?;
        py.detach(|| {
            let mut found = Vec::new();
            self.lock().for_each(&wanted, &mut |_, event| {
                found.push(event.clone());
                ControlFlow::Continue(())
            })?;
            table_of(&wanted, &found)
        })
    }

    /// All events, a line of JSON each.
    fn to_json_lines(&self) -> String {
        self.lock().to_json_lines()
    }

    fn __len__(&self) -> usize {
        self.lock().events().len()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let Ok(other) = other.cast::<Self>() else { return false };
        if std::ptr::eq(self, other.get()) {
            return true;
        }
        let events = self.lock().events().to_vec();
        events == other.get().lock().events()
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyString>,))> {
        let parse = py.get_type::<Self>().getattr("parse")?;
        Ok((parse, (PyString::new(py, &self.to_json_lines()),)))
    }

    fn __repr__(&self) -> String {
        format!("<History of {} events>", self.__len__())
    }
}

/// A site's own history, a file that survives crashes and serves several processes at once.
#[pyclass(frozen, module = "vclust")]
pub(crate) struct HistoryDatabase(Mutex<vclust_grid::HistoryDatabase>);

impl HistoryDatabase {
    fn lock(&self) -> MutexGuard<'_, vclust_grid::HistoryDatabase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl HistoryDatabase {
    /// The history of a state directory, by default vclust's own; it is made if there is none.
    #[new]
    #[pyo3(signature = (state=None))]
    fn new(py: Python<'_>, state: Option<PathBuf>) -> Result<Self, Failure> {
        let opened = py.detach(|| -> Result<_, Failure> {
            let state =
                state.map_or_else(StateDirectory::locate, |path| Ok(StateDirectory::at(path)));
            Ok(vclust_grid::HistoryDatabase::open(&state?)?)
        })?;
        Ok(Self(Mutex::new(opened)))
    }

    /// The file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.lock().path().to_owned()
    }

    /// Records events that are not there yet, all of them or with an error none; tells how many are new.
    fn append(&self, py: Python<'_>, events: Vec<Bound<'_, PyAny>>) -> Result<usize, Failure> {
        let events = to_events(&events)?;
        Ok(py.detach(|| HistoryStore::append(&mut *self.lock(), &events))?.new)
    }

    /// Takes in a file of events, a line of JSON each: all of it or, with an error, nothing. Tells how many are
    /// new, and how many were there already.
    #[pyo3(signature = (path, *, skip_bad_lines=false))]
    fn import_file(
        &self,
        py: Python<'_>,
        path: PathBuf,
        skip_bad_lines: bool,
    ) -> Result<(usize, usize), Failure> {
        let appended = py.detach(|| -> Result<Appended, Failure> {
            let file = File::open(&path)
                .map_err(|source| PastError::Read { path: path.clone(), source })?;
            let mut database = self.lock();
            let mut import = database.import()?;
            import.read(BufReader::new(file), on_error(skip_bad_lines)).map_err(
                |error| match error {
                    ImportError::Read(source) => {
                        Failure::from(PastError::Read { path: path.clone(), source })
                    }
                    ImportError::Line(source) => {
                        PastError::Line { path: path.clone(), source }.into()
                    }
                    other => other.into(),
                },
            )?;
            Ok(import.finish()?)
        })?;
        Ok((appended.new, appended.known))
    }

    /// How many events there are of some kind, since some moment, of some site.
    #[pyo3(signature = (kind=None, *, since=None, site=None))]
    fn count(
        &self,
        py: Python<'_>,
        kind: Option<&str>,
        since: Option<&Bound<'_, PyAny>>,
        site: Option<String>,
    ) -> Result<u64, Failure> {
        let wanted = filter(kind, since, site)?;
        Ok(py.detach(|| self.lock().count(&wanted))?)
    }

    /// Events as `History.events` gives them.
    #[pyo3(signature = (kind=None, *, since=None, site=None))]
    fn events<'py>(
        &self,
        py: Python<'py>,
        kind: Option<&str>,
        since: Option<&Bound<'py, PyAny>>,
        site: Option<String>,
    ) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let found = self.find(py, &filter(kind, since, site)?)?;
        of_events(py, &found)
    }

    /// Events as a table, as `History.table` gives it.
    #[pyo3(signature = (kind, *, since=None, site=None))]
    fn table(
        &self,
        py: Python<'_>,
        kind: &str,
        since: Option<&Bound<'_, PyAny>>,
        site: Option<String>,
    ) -> Result<Table, Failure> {
        let wanted = filter(Some(kind), since, site)?;
        let found = self.find(py, &wanted)?;
        py.detach(|| table_of(&wanted, &found))
    }

    /// The events that happened last, the latest at the end.
    #[pyo3(signature = (count, kind=None, *, since=None, site=None))]
    fn recent<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        kind: Option<&str>,
        since: Option<&Bound<'py, PyAny>>,
        site: Option<String>,
    ) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
        let wanted = filter(kind, since, site)?;
        let found = py.detach(|| self.lock().recent(&wanted, count))?;
        let events: Vec<Event> = found.into_iter().map(|(_, event)| event).collect();
        of_events(py, &events)
    }

    /// All events in memory, to learn from.
    fn load(&self, py: Python<'_>) -> Result<History, Failure> {
        let mut history = vclust_core::History::default();
        history.append(&self.find(py, &EventFilter::default())?)?;
        Ok(History::of(history))
    }

    fn __len__(&self) -> Result<usize, Failure> {
        let count = self.lock().count(&EventFilter::default())?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn __repr__(&self) -> String {
        format!("<HistoryDatabase {}>", self.path().display())
    }
}

impl HistoryDatabase {
    fn find(&self, py: Python<'_>, wanted: &EventFilter) -> Result<Vec<Event>, Failure> {
        py.detach(|| {
            let mut found = Vec::new();
            self.lock().for_each(wanted, &mut |_, event| {
                found.push(event.clone());
                ControlFlow::Continue(())
            })?;
            Ok(found)
        })
    }
}

fn table_of(wanted: &EventFilter, found: &[Event]) -> Result<Table, Failure> {
    let kind = wanted.kind.ok_or_else(|| Failure::value("a table is of one kind of event"))?;
    event_table(kind, found)
}

fn on_error(skip: bool) -> OnError {
    if skip { OnError::Skip } else { OnError::Stop }
}

fn filter(
    kind: Option<&str>,
    since: Option<&Bound<'_, PyAny>>,
    site: Option<String>,
) -> Result<EventFilter, Failure> {
    let all = [EventKind::Request, EventKind::Transfer, EventKind::Install, EventKind::Phase];
    let kind = match kind {
        None => None,
        Some(name) => Some(all.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let known = all.map(EventKind::name).join(", ");
            Failure::value(format!("`{name}` is no kind of event; there are {known}"))
        })?),
    };
    let since = match since {
        None => None,
        Some(moment) => {
            // the moment's own rule says what a moment without a zone means
            let text =
                moment.py().import("vclust._values")?.getattr("_timestamp")?.call1((moment,))?;
            let text: String = text.extract()?;
            Some(text.parse::<Timestamp>().map_err(|error| Failure::value(error.to_string()))?)
        }
    };
    Ok(EventFilter { after: EventId::START, kind, since, site })
}

/// Events of Python's: dataclasses that write themselves as JSON, or lines of JSON.
pub(crate) fn to_events(objects: &[Bound<'_, PyAny>]) -> Result<Vec<Event>, Failure> {
    objects
        .iter()
        .map(|object| {
            let line: String = if object.is_instance_of::<PyString>() {
                object.extract()?
            } else {
                object.call_method0("to_json")?.extract()?
            };
            Ok(Event::from_json_line(line.as_bytes())?)
        })
        .collect()
}

/// Events as Python's dataclasses.
fn of_events<'py>(py: Python<'py>, events: &[Event]) -> Result<Vec<Bound<'py, PyAny>>, Failure> {
    Ok(convert::values(py, "Event", events)?)
}
