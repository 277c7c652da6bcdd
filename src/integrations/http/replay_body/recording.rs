//! What was read of a body, and who reads on.

use std::task::Waker;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::SizeHint;

/// A body as all its copies share it.
///
/// Copies are in an order, that of the attempts they are for, and one reads at a time: the last one that has begun. It takes the
/// body out to ask it for a frame, and brings it back, so that no code of others runs under the lock.
#[derive(Debug)]
pub(super) struct Recording<B> {
    cap: usize,
    source: Source<B>,
    /// What the body said of the rest of it.
    outlook: Outlook,
    /// What was read, in pieces that copies share, and what came since the last piece was made.
    pieces: Vec<Bytes>,
    tail: BytesMut,
    len: usize,
    trailers: Option<HeaderMap>,
    /// Frames went by that were not recorded.
    is_spent: bool,
    copies: Vec<Copy>,
    /// The copy that reads.
    reader: Option<usize>,
    /// An answer is there, and whether to send this copy is being decided.
    in_question: Option<usize>,
    /// Who is to be woken without the lock.
    woken: Vec<Waker>,
}

/// One copy. It is noted also after it is gone, because later ones know their place by it.
#[derive(Debug)]
struct Copy {
    id: usize,
    /// It was not read yet, and is not dropped.
    is_waiting: bool,
    /// Whoever waits for a frame of it. The reader is here as well, while the body has none: only here it is found when a later
    /// attempt takes the body over.
    waker: Option<Waker>,
}

impl Copy {
    fn new(id: usize) -> Self {
        Self { id, is_waiting: true, waker: None }
    }
}

/// What a body says of what is to come.
#[derive(Clone, Debug)]
pub(super) struct Outlook {
    pub(super) size: SizeHint,
    pub(super) is_end: bool,
}

#[derive(Debug)]
enum Source<B> {
    Here(B),
    /// A reader has it.
    Out,
    /// It gave all that it had.
    Ended,
    /// It failed, or panicked.
    Broken,
}

/// Which copy it is, and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Position {
    id: usize,
    bytes: usize,
    told_trailers: bool,
}

/// What a copy gets when it asks for a frame.
#[derive(Debug)]
pub(super) enum Next<B> {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    /// Nothing that was recorded: it has to ask the body, and to bring it back.
    Ask(B),
    Wait,
    Gone(Gone),
}

/// Why a copy cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Gone {
    #[error("the request body is read by a later attempt")]
    Superseded,
    #[error("the request body was too large to be recorded for another attempt")]
    Spent,
    #[error("the request body failed in an earlier attempt")]
    Broken,
}

impl<B> Recording<B> {
    /// A body that nobody has begun to read, with one copy.
    pub(super) fn new(body: B, outlook: Outlook, cap: usize) -> Self {
        Self {
            cap,
            source: Source::Here(body),
            outlook,
            pieces: Vec::new(),
            tail: BytesMut::new(),
            len: 0,
            trailers: None,
            is_spent: false,
            copies: vec![Copy::new(0)],
            reader: None,
            in_question: None,
            woken: Vec::new(),
        }
    }

    /// Whether a copy has sent all that there is.
    pub(super) fn is_end(&self, position: &Position) -> bool {
        let owes_trailers = self.trailers.is_some() && !position.told_trailers;
        self.outlook.is_end && self.left(position) == 0 && !owes_trailers
    }

    /// How much a copy has to send.
    pub(super) fn size(&self, position: &Position) -> SizeHint {
        let recorded = u64::try_from(self.left(position)).unwrap_or(u64::MAX);
        let mut size = SizeHint::new();
        size.set_lower(self.outlook.size.lower().saturating_add(recorded));
        // A body whose size is known is sent without trailers over HTTP/1.1.
        let owes_trailers = self.trailers.is_some() && !position.told_trailers;
        if let Some(upper) = self.outlook.size.upper().filter(|_| !owes_trailers) {
            size.set_upper(upper.saturating_add(recorded));
        }
        size
    }

    /// Who waits and may go on now.
    pub(super) fn take_woken(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.woken)
    }

    /// Whether another copy would be the same.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_spent && !matches!(self.source, Source::Broken)
    }

    /// The attempt before has its answer, and whether this copy is sent is about to be decided. Until then it reads no
    /// further: nobody needs what it reads, and that could exceed the cap.
    pub(super) fn pause_for(&mut self, position: &Position) {
        let rank = self.rank(position.id);
        let is_later = self.in_question.is_none_or(|id| self.rank(id) < rank);
        if is_later && self.copies[rank].is_waiting && self.is_whole() {
            self.in_question = Some(position.id);
        }
    }

    /// What was recorded that a copy has not sent, in bytes.
    fn left(&self, position: &Position) -> usize {
        self.len.saturating_sub(position.bytes)
    }

    /// Where a copy is in the order.
    fn rank(&self, id: usize) -> usize {
        self.copies.iter().position(|copy| copy.id == id).unwrap_or_default()
    }

    /// Another copy, to be read after this one, but before those that were made of it earlier: whoever made them
    /// stands further out, and sends them when all within have given up.
    pub(super) fn add_copy(&mut self, of: &Position) -> Position {
        let id = self.copies.len();
        self.copies.insert(self.rank(of.id).saturating_add(1), Copy::new(id));
        Position { id, ..Position::default() }
    }

    /// A copy is dropped, and then its waker.
    pub(super) fn remove_copy(&mut self, position: &Position) -> Option<Waker> {
        let rank = self.rank(position.id);
        self.copies[rank].is_waiting = false;
        let waker = self.copies[rank].waker.take();
        self.ask_on();
        waker
    }

    /// Once neither the copy in question nor one after it can be sent any more, the last one before them that waits goes on.
    fn ask_on(&mut self) {
        let Some(asked) = self.in_question.map(|id| self.rank(id)) else { return };
        if !self.copies[asked..].iter().any(|copy| copy.is_waiting) {
            let later = self.reader.map_or(0, |reader| self.rank(reader).saturating_add(1));
            let before = self.copies[later.min(asked)..asked].iter();
            self.in_question = before.rev().find(|copy| copy.is_waiting).map(|copy| copy.id);
            self.wake();
        }
    }

    /// The next frame for a copy. If it has to wait, its waker comes in, and if there was one before, that comes out.
    pub(super) fn next(&mut self, position: &mut Position, waker: &mut Option<Waker>) -> Next<B> {
        let rank = self.rank(position.id);
        // Whoever asks is awake.
        let before = self.copies[rank].waker.take();
        let next = self.next_of(rank, position);
        if matches!(next, Next::Wait) {
            self.copies[rank].waker = waker.take();
        }
        if before.is_some() {
            *waker = before;
        }
        next
    }

    fn next_of(&mut self, rank: usize, position: &mut Position) -> Next<B> {
        if self.reader.is_some_and(|reader| rank < self.rank(reader)) {
            return Next::Gone(Gone::Superseded);
        }
        if self.in_question.is_some_and(|id| rank < self.rank(id)) {
            return Next::Wait;
        }
        if self.reader != Some(position.id) {
            if self.is_spent {
                return Next::Gone(Gone::Spent);
            }
            self.reader = Some(position.id);
            self.in_question = None;
            self.copies[rank].is_waiting = false;
            // Whoever read before learns that it does not any more.
            self.wake();
        }
        if position.bytes < self.len {
            let piece = self.piece_at(position.bytes);
            position.bytes = position.bytes.saturating_add(piece.len());
            return Next::Data(piece);
        }
        match std::mem::replace(&mut self.source, Source::Out) {
            Source::Here(body) => Next::Ask(body),
            // An earlier reader is in the middle of a poll, on another thread.
            Source::Out => Next::Wait,
            Source::Ended => {
                self.source = Source::Ended;
                match &self.trailers {
                    Some(trailers) if !position.told_trailers => {
                        position.told_trailers = true;
                        Next::Trailers(trailers.clone())
                    }
                    _ => Next::End,
                }
            }
            Source::Broken => {
                self.source = Source::Broken;
                Next::Gone(Gone::Broken)
            }
        }
    }

    /// The first piece that begins here. There is one: everything up to `len` is recorded.
    fn piece_at(&mut self, mut at: usize) -> Bytes {
        if !self.tail.is_empty() {
            self.pieces.push(self.tail.split().freeze());
        }
        for piece in &self.pieces {
            match at.checked_sub(piece.len()) {
                Some(further) => at = further,
                None => return piece.slice(at..),
            }
        }
        Bytes::new()
    }

    fn wake(&mut self) {
        self.woken.extend(self.copies.iter_mut().filter_map(|copy| copy.waker.take()));
    }
}

/// What a reader does once it has asked the body.
impl<B> Recording<B> {
    /// Brings it back.
    pub(super) fn bring_back(&mut self, body: B, outlook: Outlook) {
        self.source = Source::Here(body);
        self.outlook = outlook;
        self.wake();
    }

    /// There is nothing more to come.
    pub(super) fn end(&mut self) {
        self.source = Source::Ended;
        self.outlook = Outlook { size: SizeHint::with_exact(0), is_end: true };
        self.wake();
    }

    /// The body has no frame yet. It wakes whoever asked it last, which may be a later reader by then.
    pub(super) fn stay(&mut self, position: &Position, waker: &mut Option<Waker>) -> Result<(), Gone> {
        if self.reader != Some(position.id) {
            return Err(Gone::Superseded);
        }
        let rank = self.rank(position.id);
        std::mem::swap(&mut self.copies[rank].waker, waker);
        Ok(())
    }

    /// It failed, or panicked.
    pub(super) fn break_off(&mut self) {
        self.source = Source::Broken;
        self.wake();
    }

    /// Notes data that it gave; `has_copies` tells whether anyone else may need it. The reader may send it on, if
    /// it still is the reader.
    pub(super) fn record(
        &mut self,
        position: &mut Position,
        data: &Bytes,
        has_copies: bool,
    ) -> Result<(), Gone> {
        let len = self.len.saturating_add(data.len());
        if self.reader != Some(position.id) {
            // The reader has not seen it: above the cap by this one frame, then.
            self.tail.extend_from_slice(data);
            self.len = len;
            return Err(Gone::Superseded);
        }
        if self.is_spent || !has_copies || len > self.cap {
            self.give_up();
            position.bytes = 0;
        } else {
            self.tail.extend_from_slice(data);
            self.len = len;
            position.bytes = len;
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.is_spent = true;
        self.pieces = Vec::new();
        self.tail = BytesMut::new();
        self.len = 0;
    }

    /// Notes the trailers that it gave, which are the last of it.
    pub(super) fn end_with(&mut self, position: &mut Position, trailers: &HeaderMap) -> Result<(), Gone> {
        self.trailers = Some(trailers.clone());
        self.end();
        if self.reader != Some(position.id) {
            return Err(Gone::Superseded);
        }
        position.told_trailers = true;
        Ok(())
    }
}
