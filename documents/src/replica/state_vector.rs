//! State vectors: what a replica has. They are read by our own code, which allocates no more than the bytes hold.

use bytes::Bytes;
use schema::ids::ClientID;
use yrs::StateVector;
use yrs::updates::encoder::Encode;

use super::{Trust, limits};

/// Whether a replica with this state vector has nothing of any document.
pub(crate) fn lacks_everything(state_vector: &[u8]) -> bool {
    decode(state_vector).is_some_and(|theirs| theirs.is_empty())
}

/// The state vector of a replica that has nothing but this update. `None` when it is no update that stands by itself.
pub(crate) fn of(update: &[u8]) -> Option<Bytes> {
    let summary = schema::update::inspect(update, &limits(Trust::Logged)).ok()?;
    let clocks = summary.insertions().iter().map(|range| {
        let end = u32::try_from(range.end).ok().filter(|_| range.start == 0)?;
        Some((ClientID::new(range.client), end))
    });
    Some(StateVector::new(clocks.collect::<Option<_>>()?).encode_v1().into())
}

/// Reads a state vector. yrs would allocate for as many clients as the bytes claim to hold.
pub(super) fn decode(bytes: &[u8]) -> Option<StateVector> {
    /// A client id and a clock have a byte each at least.
    const ENTRY_BYTES_MIN: usize = 2;
    let mut rest = bytes;
    let entries = usize::try_from(read_varuint(&mut rest)?).ok()?;
    if entries > rest.len() / ENTRY_BYTES_MIN {
        return None;
    }
    let clocks = (0..entries).map(|_| {
        let client = ClientID::new(read_varuint(&mut rest)?);
        Some((client, u32::try_from(read_varuint(&mut rest)?).ok()?))
    });
    clocks.collect::<Option<_>>().map(StateVector::new)
}

/// Reads an unsigned integer of at most 53 bits from the front of `rest`.
fn read_varuint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..=49).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (value < 1 << 53).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_vector_is_read_as_yrs_writes_it() {
        let clocks = [(ClientID::new(7), 3), (ClientID::new(1 << 40), 1 << 20)];
        let state_vector = StateVector::new(clocks.into_iter().collect());
        assert_eq!(decode(&state_vector.encode_v1()), Some(state_vector));
        assert_eq!(decode(&[0]), Some(StateVector::default()));
    }

    #[test]
    fn a_state_vector_that_claims_four_billion_clients_allocates_nothing() {
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1]), None);
        assert_eq!(decode(&[]), None);
        assert_eq!(decode(&[0xff; 12]), None);
    }
}
