//! A history in memory as a store: for tests, simulations, and whoever keeps events elsewhere.

use std::ops::ControlFlow;

use super::error::Rejection;
use super::event::Event;
use super::parse::History;
use super::store::{
    Appended, EventFilter, EventId, HistoryStore, ImpossibleEvent, Saved, Snapshot,
};

impl History {
    fn numbered(&self) -> impl Iterator<Item = (EventId, &Event)> {
        (1..).map(EventId::new).zip(self.events())
    }
}

impl HistoryStore for History {
    type Error = ImpossibleEvent;

    fn append(&mut self, events: &[Event]) -> Result<Appended, ImpossibleEvent> {
        ImpossibleEvent::find(events)?;
        let mut appended = Appended::default();
        for (place, event) in events.iter().enumerate() {
            match self.push(event.clone()) {
                Ok(()) => appended.new += 1,
                Err(Rejection::Duplicate { .. }) => appended.known += 1,
                Err(rejection) => return Err(ImpossibleEvent { place: place + 1, rejection }),
            }
        }
        Ok(appended)
    }

    fn last_event(&self) -> Result<EventId, ImpossibleEvent> {
        Ok(EventId::new(self.events().len() as u64))
    }

    fn for_each(
        &self,
        wanted: &EventFilter,
        visit: &mut dyn FnMut(EventId, &Event) -> ControlFlow<()>,
    ) -> Result<EventId, ImpossibleEvent> {
        for (id, event) in self.numbered().filter(|(id, event)| wanted.takes(*id, event)) {
            if visit(id, event).is_break() {
                return Ok(id);
            }
        }
        self.last_event()
    }

    fn recent(
        &self,
        wanted: &EventFilter,
        count: usize,
    ) -> Result<Vec<(EventId, Event)>, ImpossibleEvent> {
        let mut found: Vec<_> =
            self.numbered().filter(|(id, event)| wanted.takes(*id, event)).collect();
        // The sort is stable, so events of one moment stay in the order of their ids.
        found.sort_by_key(|(_, event)| event.at());
        let start = found.len().saturating_sub(count);
        Ok(found[start..].iter().map(|(id, event)| (*id, (*event).clone())).collect())
    }

    fn snapshot(&self, name: &str, version: u32) -> Result<Option<Snapshot>, ImpossibleEvent> {
        let last = self.last_event()?;
        let found = self.snapshots.get(&(name.to_owned(), version));
        Ok(found.filter(|snapshot| snapshot.last <= last).cloned())
    }

    fn save_snapshot(
        &mut self,
        name: &str,
        version: u32,
        snapshot: &Snapshot,
    ) -> Result<Saved, ImpossibleEvent> {
        if self.snapshot(name, version)?.is_some_and(|there| there.last > snapshot.last) {
            return Ok(Saved::Outdated);
        }
        self.snapshots.insert((name.to_owned(), version), snapshot.clone());
        Ok(Saved::Stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{EventKind, RequestEvent};

    fn request(second: u32, site: &str) -> Event {
        Event::Request(RequestEvent {
            at: format!("2026-11-23T02:30:{second:02}Z").parse().expect("a moment"),
            site: site.to_owned(),
            nodes: 4,
            packages: vec!["gcc".to_owned()],
        })
    }

    #[test]
    fn an_impossible_event_keeps_the_others_out() {
        let mut history = History::default();
        let error = history.append(&[request(1, "a"), request(2, "")]).expect_err("no site");
        assert_eq!(error.to_string(), "event 2 of those to record is not possible");
        assert_eq!(history.last_event().expect("in memory"), EventId::START);
        let appended = history.append(&[request(1, "a"), request(1, "a")]).expect("possible");
        assert_eq!(appended, Appended { new: 1, known: 1 });
    }

    #[test]
    fn recent_events_are_those_that_happened_last_not_those_recorded_last() {
        let mut history = History::default();
        let events = [request(3, "a"), request(1, "a"), request(3, "b"), request(2, "a")];
        history.append(&events).expect("possible");
        let ids = |wanted: &EventFilter, count| {
            let recent = history.recent(wanted, count).expect("in memory");
            recent.iter().map(|(id, _)| id.number()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&EventFilter::default(), 3), [4, 1, 3]);
        let of_site = EventFilter { site: Some("a".to_owned()), ..EventFilter::default() };
        assert_eq!(ids(&of_site, 9), [2, 4, 1]);
        let later = EventFilter { after: EventId::new(2), ..EventFilter::default() };
        assert_eq!(ids(&later, 9), [4, 3]);
        let installs = EventFilter { kind: Some(EventKind::Install), ..EventFilter::default() };
        assert!(ids(&installs, 9).is_empty());
        assert_eq!(history.recent_requests(2).expect("in memory").len(), 2);
    }

    #[test]
    fn a_visitor_that_breaks_off_goes_on_where_it_was() {
        let mut history = History::default();
        history.append(&[request(1, "a"), request(2, "b"), request(3, "a")]).expect("possible");
        let mut wanted = EventFilter::default();
        wanted.after = history.for_each(&wanted, &mut |_, _| ControlFlow::Break(())).expect("one");
        assert_eq!(wanted.after, EventId::new(1));
        wanted.site = Some("b".to_owned());
        let mut seen = Vec::new();
        let end = history.for_each(&wanted, &mut |id, _| {
            seen.push(id.number());
            ControlFlow::Continue(())
        });
        assert_eq!((end.expect("all"), seen), (EventId::new(3), vec![2]));
    }

    #[test]
    fn a_snapshot_gives_way_only_to_one_that_knows_as_much() {
        let mut history = History::default();
        history.append(&[request(1, "a"), request(2, "a")]).expect("possible");
        let at = |last| Snapshot { last: EventId::new(last), state: vec![last as u8] };
        let mut save = |last| history.save_snapshot("sum", 1, &at(last)).expect("in memory");
        assert_eq!(save(2), Saved::Stored);
        assert_eq!(save(1), Saved::Outdated);
        // One that claims to know more than there is neither counts nor stays.
        assert_eq!(save(9), Saved::Stored);
        assert_eq!(save(1), Saved::Stored);
        assert_eq!(history.snapshot("sum", 1).expect("in memory"), Some(at(1)));
        assert_eq!(history.snapshot("sum", 2).expect("in memory"), None);
        history.save_snapshot("sum", 1, &at(9)).expect("in memory");
        assert_eq!(history.snapshot("sum", 1).expect("in memory"), None);
    }
}
