//! A room holds the open requests of one kind. It has a limit, and in it each address has a share that shrinks as the
//! room fills.
//!
//! An address may hold as much as a quarter of what is free (a *dynamic threshold*, as network switches share their
//! buffers). One address alone gets a fifth of the room. Ten that take all they get have 7 % of it each, and 29 % stays
//! free. So a few addresses never fill a room, and somebody new finds a place.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// An address may hold this part of the free places.
const PART_OF_FREE: usize = 4;

#[derive(Debug)]
pub(super) struct Room {
    /// Most open requests.
    size: usize,
    /// Most open requests of one address, however empty the room is.
    per_address_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a room has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All places are taken.
    Full,
    /// The address holds its share.
    ShareIsTaken,
}

impl Room {
    pub(super) fn new(size: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { size, per_address_max, open: Mutex::default() })
    }

    /// Takes a place until it is dropped. Without an address only the room's own limit counts.
    pub(super) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, NoPlace> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.size.saturating_sub(open.all);
        if free == 0 {
            return Err(NoPlace::Full);
        }
        if let Some(address) = address {
            let share = (free / PART_OF_FREE).clamp(1, self.per_address_max);
            let held = open.by_address.get(&address).copied().unwrap_or_default();
            if held >= share {
                return Err(NoPlace::ShareIsTaken);
            }
            open.by_address.insert(address, held + 1);
        }
        open.all += 1;
        Ok(Place { room: Arc::clone(self), address })
    }

    /// How many places are taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        let open = self.open.lock().unwrap();
        assert!(open.all > 0 || open.by_address.is_empty(), "an address is remembered for nothing");
        open.all
    }
}

/// A place in a room. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    room: Arc<Room>,
    address: Option<IpAddr>,
}

impl Place {
    /// An answer's body that keeps this place until it was taken.
    pub(super) fn kept_by(self, body: Body) -> Body {
        Body::new(Kept { body, _place: self })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.room.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(held) = open.by_address.get_mut(&address) {
            *held -= 1;
            if *held == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

/// See [`Place::kept_by`].
struct Kept {
    body: Body,
    _place: Place,
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(n: usize) -> Option<IpAddr> {
        Some(format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255).parse().unwrap())
    }

    /// Places that each of so many addresses gets if all take what they can, one after the other and again.
    fn taken_by(addresses: usize, room: &Arc<Room>) -> Vec<Vec<Place>> {
        let mut held: Vec<Vec<Place>> = (0..addresses).map(|_| Vec::new()).collect();
        loop {
            let before = room.taken();
            for (n, held) in held.iter_mut().enumerate() {
                held.extend(room.enter(address(n)).ok());
            }
            if room.taken() == before {
                return held;
            }
        }
    }

    #[test]
    fn a_few_addresses_never_fill_a_room() {
        for (addresses, share, left) in [(1, 205, 819), (4, 128, 512), (10, 73, 293), (100, 9, 38)] {
            let room = Room::new(1024, 256);
            let held = taken_by(addresses, &room);
            let most = held.iter().map(Vec::len).max().unwrap_or_default();
            let free = 1024 - room.taken();
            assert!(most.abs_diff(share) <= 2, "{addresses} addresses hold {most} each");
            assert!(free.abs_diff(left) <= 110, "{addresses} addresses leave {free}");
            assert!(room.enter(address(70_000)).is_ok(), "somebody new beside {addresses} addresses");
        }
    }

    #[test]
    fn an_address_that_came_first_gives_way_as_its_calls_end() {
        let room = Room::new(1024, 256);
        let mut first = taken_by(1, &room).remove(0);
        let others = taken_by(20, &room);
        assert_eq!(room.enter(address(0)).err(), Some(NoPlace::ShareIsTaken));
        first.truncate(100);
        assert_eq!(room.enter(address(0)).err(), Some(NoPlace::ShareIsTaken), "still more than its share");
        drop(others);
        assert!(room.enter(address(0)).is_ok());
    }

    #[test]
    fn the_last_places_go_to_those_who_have_none() {
        let room = Room::new(12, 6);
        let _two = [room.enter(address(1)).unwrap(), room.enter(address(1)).unwrap()];
        assert_eq!(room.enter(address(1)).err(), Some(NoPlace::ShareIsTaken));
        let _one_each: Vec<Place> = (2..12).map(|n| room.enter(address(n)).expect("one each")).collect();
        assert_eq!(room.enter(address(12)).err(), Some(NoPlace::Full));
    }

    #[test]
    fn without_an_address_the_limit_alone_counts() {
        let room = Room::new(3, 1);
        let _all: Vec<Place> = (0..3).map(|_| room.enter(None).unwrap()).collect();
        assert_eq!(room.enter(None).err(), Some(NoPlace::Full));
    }

    proptest! {
        /// Whoever comes and goes: the room is never overfull, nobody holds more than the most, who has nothing gets a free
        /// place, and in the end it is empty.
        #[test]
        fn places_are_counted_right(steps in proptest::collection::vec((0_usize..6, any::<bool>()), 0..200)) {
            let room = Room::new(16, 5);
            let mut held: Vec<Vec<Place>> = (0..6).map(|_| Vec::new()).collect();
            for (n, comes) in steps {
                if !comes {
                    held[n].pop();
                    continue;
                }
                let had = (held[n].len(), room.taken());
                match room.enter(address(n)) {
                    Ok(place) => held[n].push(place),
                    Err(NoPlace::Full) => prop_assert_eq!(had.1, 16),
                    Err(NoPlace::ShareIsTaken) => prop_assert!(had.0 > 0),
                }
                prop_assert!(held[n].len() <= 5);
                prop_assert_eq!(room.taken(), held.iter().map(Vec::len).sum::<usize>());
            }
            drop(held);
            prop_assert_eq!(room.taken(), 0);
        }
    }
}
