//! Reading events, each question by the index that answers it.

use std::ops::ControlFlow;

use rusqlite::types::ToSql;
use rusqlite::{Connection, named_params};
use vclust_core::{EventFilter, EventId};

use super::rows::{from_sql, to_sql};

pub(super) fn last_event(connection: &Connection) -> rusqlite::Result<EventId> {
    let mut question = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM event")?;
    question.query_row([], |row| row.get(0)).map(from_sql)
}

pub(super) fn count(connection: &Connection, wanted: &EventFilter) -> rusqlite::Result<u64> {
    // Indexes are far smaller than the events, and only a site is in none of them.
    let place = match (wanted.since, wanted.kind, &wanted.site) {
        (Some(_), ..) => time_index(wanted),
        (None, None, Some(_)) => "NOT INDEXED",
        (None, ..) => "INDEXED BY event_by_kind",
    };
    let question = format!("SELECT count(*) FROM event {place} WHERE {}", conditions(wanted));
    let count: i64 = with_values(wanted, |values| {
        connection.prepare_cached(&question)?.query_row(values, |row| row.get(0))
    })?;
    Ok(count.unsigned_abs())
}

pub(super) fn for_each_line(
    connection: &Connection,
    wanted: &EventFilter,
    visit: &mut dyn FnMut(EventId, &str) -> ControlFlow<()>,
) -> rusqlite::Result<EventId> {
    let end = last_event(connection)?;
    let conditions = conditions(wanted);
    let question = match (wanted.since, wanted.kind) {
        // The planner knows nothing of the events that this index leaves out.
        (None, Some(_)) => format!(
            "SELECT id, json FROM event INDEXED BY event_by_kind
             WHERE {conditions} AND id <= {} ORDER BY id",
            to_sql(end)
        ),
        (None, None) => format!(
            "SELECT id, json FROM event WHERE {conditions} AND id <= {} ORDER BY id",
            to_sql(end)
        ),
        // Found by time, visited by id: what is sorted are ids alone.
        (Some(_), _) => format!(
            "SELECT id, json FROM event WHERE id IN (
                SELECT id FROM event {} WHERE {conditions} AND id <= {}
             ) ORDER BY id",
            time_index(wanted),
            to_sql(end)
        ),
    };
    with_values(wanted, |values| {
        let mut statement = connection.prepare(&question)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            let id = from_sql(row.get(0)?);
            if visit(id, row.get_ref(1)?.as_str()?).is_break() {
                return Ok(id);
            }
        }
        Ok(end)
    })
}

/// The last events by time, in the order of time.
pub(super) fn recent(
    connection: &Connection,
    wanted: &EventFilter,
    count: usize,
) -> rusqlite::Result<Vec<(EventId, String)>> {
    let question = format!(
        "SELECT id, json FROM event {} WHERE {} ORDER BY at DESC, id DESC LIMIT {}",
        time_index(wanted),
        conditions(wanted),
        i64::try_from(count).unwrap_or(i64::MAX)
    );
    let mut found: Vec<(EventId, String)> = with_values(wanted, |values| {
        let mut statement = connection.prepare(&question)?;
        let row = |row: &rusqlite::Row<'_>| Ok((from_sql(row.get(0)?), row.get(1)?));
        statement.query_map(values, row)?.collect()
    })?;
    found.reverse();
    Ok(found)
}

/// The index that finds the wanted events by time.
fn time_index(wanted: &EventFilter) -> &'static str {
    match wanted.kind {
        Some(_) => "INDEXED BY event_by_kind_and_time",
        None => "INDEXED BY event_once",
    }
}

/// What the filter asks for, as a condition whose parameters are those of [`with_values`].
fn conditions(wanted: &EventFilter) -> String {
    let mut text = "id > :after".to_owned();
    for (asked, condition) in [
        (wanted.kind.is_some(), " AND kind = :kind"),
        (wanted.since.is_some(), " AND at >= :since"),
        (wanted.site.is_some(), " AND site = :site"),
    ] {
        if asked {
            text.push_str(condition);
        }
    }
    text
}

fn with_values<T>(
    wanted: &EventFilter,
    ask: impl FnOnce(&[(&str, &dyn ToSql)]) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let after = to_sql(wanted.after);
    let kind = wanted.kind.map(vclust_core::EventKind::name);
    let since = wanted.since.map(vclust_core::Timestamp::unix_microseconds);
    let all = named_params! {
        ":after": after, ":kind": kind, ":since": since, ":site": wanted.site,
    };
    // SQLite refuses values for parameters that the question does not have.
    let asked = [true, kind.is_some(), since.is_some(), wanted.site.is_some()];
    let values: Vec<_> =
        all.iter().zip(asked).filter(|(_, asked)| *asked).map(|(value, _)| *value).collect();
    ask(&values)
}
