//! A thousand runs against providers of every kind, in an event loop over a heap of requests in flight.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::outcome::Outcome;
use crate::prices::{Rates, Usage};
use crate::random::{Purpose, Stream};

fn dollar_a_token() -> Prices {
    let million = Usd::dollars(1_000_000);
    Prices::flat(Rates { input: million, output: million, ..Rates::default() })
}

/// A worst case of one dollar and one token for each of `tokens`.
fn worst(tokens: u32) -> Worst {
    Worst::new(Some(&dollar_a_token()), 0, tokens)
}

fn spend(dollars: u64) -> Budget {
    Budget::new(Ceilings { usd: Some(Usd::dollars(dollars)), ..Ceilings::default() })
}

fn granted(admission: Admission) -> Reservation {
    match admission {
        Admission::Granted(reservation) => reservation,
        other => panic!("{other:?}"),
    }
}

/// A whole answer of so many tokens.
fn answer(reservation: &Reservation, tokens: u64) -> Settled {
    let usage = Some(Usage { output: tokens, ..Usage::default() });
    let ended =
        Ended { outcome: Outcome::Ok, sent: true, status: Some(200), answered: true, usage, counted: None };
    charge(&ended, reservation.worst(), Some(&dollar_a_token()))
}

fn go(budget: &mut Budget, most: u32, tokens: u64) {
    let reservation = granted(budget.try_reserve(worst(most)));
    let settled = answer(&reservation, tokens);
    budget.settle(reservation, settled);
}

#[test]
fn a_proved_provider_gets_all_that_is_left() {
    let mut budget = spend(100);
    for _ in 0..PROOFS {
        go(&mut budget, 10, 5);
    }
    let held: Vec<Reservation> = (0..6).map(|_| granted(budget.try_reserve(worst(10)))).collect();
    assert_eq!(budget.try_reserve(worst(10)), Admission::Wait);
    assert_eq!(budget.reserved().usd, Usd::dollars(60));
    for reservation in held {
        let settled = answer(&reservation, 9);
        budget.settle(reservation, settled);
    }
    assert_eq!((budget.spent().usd, budget.spent().requests), (Usd::dollars(94), 14));
    assert_eq!((budget.reserved(), budget.reserved_max().usd), (Amounts::default(), Usd::dollars(60)));
    let Admission::Exhausted(why) = budget.try_reserve(worst(7)) else { panic!("there are $6 left") };
    assert_eq!(
        why.to_string(),
        "of the spend limit of $100.00, $6.00 is left: the next request can cost $7.00"
    );
    assert!(matches!(budget.try_reserve(worst(6)), Admission::Granted(_)));
}

#[test]
fn a_new_provider_gets_a_quarter_of_what_is_left() {
    let mut budget = spend(100);
    let first = granted(budget.try_reserve(worst(10)));
    let second = granted(budget.try_reserve(worst(10)));
    assert_eq!(budget.try_reserve(worst(10)), Admission::Wait);
    // Both break their bounds as badly as the guard is made for, and the limit holds.
    for reservation in [first, second] {
        let settled = answer(&reservation, 40);
        budget.settle(reservation, settled);
    }
    assert_eq!(budget.spent().usd, Usd::dollars(80));
    let overrun = Overrun { answers: 2, factor: Some(4.0) };
    assert_eq!(budget.try_reserve(worst(1)), Admission::Exhausted(Exhausted::Overrun(overrun)));
    assert!(overrun.to_string().ends_with("2 answers were above the worst case, by up to 4.00 times"));
}

#[test]
fn a_request_alone_goes_if_it_fits_and_somebody_has_proved_something() {
    let mut budget = spend(100);
    go(&mut budget, 25, 25);
    assert!(matches!(budget.try_reserve(worst(60)), Admission::Granted(_)));

    // Nobody has: the first was cut, and is charged all of it.
    let mut budget = spend(100);
    let first = granted(budget.try_reserve(worst(25)));
    let cut = Settled { usd: Usd::dollars(25), tokens: 25, sent: true, proof: false };
    budget.settle(first, cut);
    assert_eq!(budget.try_reserve(worst(25)), Admission::Exhausted(Exhausted::Unproved));
    assert!(matches!(budget.try_reserve(worst(18)), Admission::Granted(_)));

    // A limit that never had room for four of them.
    let mut budget = spend(30);
    go(&mut budget, 10, 10);
    assert!(matches!(spend(30).try_reserve(worst(30)), Admission::Granted(_)));
}

#[test]
fn what_was_never_sent_and_what_was_refused_leave_their_room() {
    let mut budget = Budget::new(Ceilings { requests: Some(2), ..Ceilings::default() });
    for sent in [false, true, true] {
        let reservation = granted(budget.try_reserve(worst(1)));
        budget.settle(reservation, Settled { usd: Usd::ZERO, tokens: 0, sent, proof: false });
    }
    assert_eq!(budget.spent(), Amounts { requests: 2, ..Amounts::default() });
    assert_eq!(budget.try_reserve(worst(1)), Admission::Exhausted(Exhausted::Requests { limit: 2 }));
}

/// A provider that breaks its bounds late: the total is at most the limit and k − 1 times what was in flight.
#[test]
fn a_late_overrun_is_bounded_by_what_was_in_flight() {
    let mut budget = spend(100);
    for _ in 0..PROOFS {
        go(&mut budget, 10, 5);
    }
    let held: Vec<Reservation> = (0..6).map(|_| granted(budget.try_reserve(worst(10)))).collect();
    for reservation in held {
        let settled = answer(&reservation, 30);
        budget.settle(reservation, settled);
    }
    assert!(budget.spent().usd <= Usd::dollars(100 + 2 * 60));
    assert!(matches!(budget.try_reserve(worst(0)), Admission::Exhausted(Exhausted::Overrun(_))));
}

/// How a provider treats what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Every answer is within its bounds.
    Honest,
    /// Every answer is above its bound, by up to four times.
    Excessive,
}

/// A run of the test: who is asked, what, and how much may be spent.
struct Case {
    random: Stream,
    manner: Manner,
    prices: Prices,
    ceilings: Ceilings,
    users: usize,
    most_input: u32,
    most_output: u32,
    /// Shares of the requests that end in an error, and of the answers that come without usage.
    faults: f64,
    silent: f64,
    /// Whether answers without usage are counted here.
    counts: bool,
    /// Whether all requests are the largest: a limit of four of them is the hardest to keep.
    alike: bool,
}

/// What came of it.
struct Outturn {
    budget: Budget,
    why: Exhausted,
    /// What the provider really bills, where it is known to keep to its bounds.
    billed: Usd,
    granted: u64,
    settled: u64,
}

impl Case {
    fn new(seed: u64, manner: Manner) -> Case {
        let mut random = Stream::new(seed, Purpose::Lengths, 0);
        let mut rate = || Usd::cents(u64::from(random.below(2000)) + 1);
        let rates = Rates {
            input: rate(),
            cached_input: None,
            cache_write: Some(rate()),
            output: rate(),
            reasoning: Some(rate()),
        };
        let cached_input = Some(rates.input.part_of(10));
        let prices = Prices::flat(Rates { cached_input, ..rates });
        let (most_input, most_output) = (1 + random.below(5000), 1 + random.below(3000));
        let largest = Worst::new(Some(&prices), most_input, most_output);
        // A limit of so many worst cases: four at least where bounds are broken.
        let lowest = if manner == Manner::Excessive { 4 } else { 1 };
        let span = if random.below(2) == 0 { 12 } else { 400 };
        let size = lowest + u64::from(random.below(span));
        let limited = 1 + random.below(7);
        let is = |bit: u32| limited & bit != 0;
        let ceilings = Ceilings {
            usd: is(1).then(|| largest.usd.times(size)),
            tokens: is(2).then(|| largest.tokens() * size),
            requests: is(4).then(|| size * 3),
        };
        let mut share = |most: f64| if random.below(3) == 0 { 0.0 } else { random.fraction() * most };
        let (faults, silent) = (share(0.6), share(0.5));
        let (users, counts) = (1 + random.below(64) as usize, random.below(2) == 0);
        let alike = random.below(2) == 0;
        Case {
            random,
            manner,
            prices,
            ceilings,
            users,
            most_input,
            most_output,
            faults,
            silent,
            counts,
            alike,
        }
    }

    /// Sends until the budget says that nothing more can be sent.
    fn run(mut self) -> Outturn {
        let mut budget = Budget::new(self.ceilings);
        let mut in_flight: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
        let mut held: std::collections::HashMap<u64, Reservation> = std::collections::HashMap::new();
        let (mut now, mut granted, mut settled, mut billed) = (0, 0, 0, Usd::ZERO);
        let mut why = None;
        loop {
            while why.is_none() && in_flight.len() < self.users {
                match budget.try_reserve(self.next_request()) {
                    Admission::Granted(reservation) => {
                        let takes = (self.random.exponential() * 1e9) as u64;
                        in_flight.push(Reverse((now + takes, granted)));
                        held.insert(granted, reservation);
                        granted += 1;
                    }
                    Admission::Wait => {
                        assert!(!in_flight.is_empty(), "nobody is in flight to wait for");
                        break;
                    }
                    Admission::Exhausted(reason) => why = Some(reason),
                }
            }
            let Some(Reverse((at, id))) = in_flight.pop() else { break };
            now = at;
            let reservation = held.remove(&id).unwrap();
            let (ended, bill) = self.end(reservation.worst());
            let charged = charge(&ended, reservation.worst(), Some(&self.prices));
            budget.settle(reservation, charged);
            settled += 1;
            billed += self.prices.cost(&bill.unwrap_or_default());
            if budget.overrun().is_none() {
                assert!(!self.ceilings.exceeded(budget.spent().plus(budget.reserved())));
            }
            assert!(!self.ceilings.exceeded(budget.spent()), "the limit is exceeded: {budget:?}");
        }
        assert!(held.is_empty());
        Outturn { budget, why: why.unwrap(), billed, granted, settled }
    }

    fn next_request(&mut self) -> Worst {
        let (input, output) = match self.alike {
            true => (self.most_input, self.most_output),
            false => (1 + self.random.below(self.most_input), 1 + self.random.below(self.most_output)),
        };
        Worst::new(Some(&self.prices), input, output)
    }

    /// How a request ends, and what the provider bills for it.
    fn end(&mut self, worst: Worst) -> (Ended, Option<Usage>) {
        let ended = |outcome, status| Ended {
            outcome,
            sent: true,
            status,
            answered: false,
            usage: None,
            counted: None,
        };
        let usage = self.usage(worst);
        if self.random.fraction() < self.faults {
            // What is cut is billed up to where it was cut, or all of it.
            let cut = Some(Usage { output: self.part(usage.output), reasoning: 0, ..usage });
            return match self.random.below(10) {
                0 => (ended(Outcome::RateLimited, Some(429)), None),
                1 => (ended(Outcome::ServerError, Some(500)), None),
                2 => (ended(Outcome::ClientError, Some(400)), None),
                3 => (Ended { sent: false, ..ended(Outcome::Connection, None) }, None),
                4 => (Ended { sent: false, ..ended(Outcome::NotSent, None) }, None),
                5 => (ended(Outcome::Timeout, None), cut),
                6 => (Ended { answered: true, ..ended(Outcome::Cancelled, Some(200)) }, cut),
                7 => (
                    Ended { answered: true, usage: cut, ..ended(Outcome::Truncated, Some(200)) },
                    Some(usage),
                ),
                8 => (ended(Outcome::ServerError, Some(504)), Some(usage)),
                _ => (ended(Outcome::Connection, None), cut),
            };
        }
        let whole = Ended { answered: true, ..ended(Outcome::Ok, Some(200)) };
        if self.random.fraction() < self.silent {
            return (Ended { counted: self.counts.then_some(usage), ..whole }, Some(usage));
        }
        (Ended { usage: Some(usage), ..whole }, Some(usage))
    }

    fn usage(&mut self, worst: Worst) -> Usage {
        let (asked, input) = (u64::from(worst.output), u64::from(worst.input));
        let input = if self.random.below(2) == 0 { input } else { self.part(input) };
        let output = match self.manner {
            Manner::Honest if self.random.below(2) == 0 => asked,
            Manner::Honest => self.part(asked),
            Manner::Excessive => asked + 1 + self.part(3 * asked - 1),
        };
        let cached = self.part(input);
        Usage { input, cached, cache_write: self.part(input - cached), output, reasoning: self.part(output) }
    }

    /// From none to all of it.
    fn part(&mut self, whole: u64) -> u64 {
        u64::from(self.random.below(u32::try_from(whole).unwrap().saturating_add(1)))
    }
}

/// The bar of a spend limit: 1,000 runs, half of them against a provider that breaks its bounds from the start.
#[test]
fn a_thousand_runs_never_exceed_their_limits() {
    let (mut overruns, mut unproved, mut requests) = (0, 0, 0);
    for seed in 0..1000 {
        let manner = if seed % 2 == 0 { Manner::Honest } else { Manner::Excessive };
        let case = Case::new(seed, manner);
        let (ceilings, prices) = (case.ceilings, case.prices.clone());
        let largest = Worst::new(Some(&prices), case.most_input, case.most_output).amounts();
        let outturn = case.run();
        assert_eq!(outturn.granted, outturn.settled, "every reservation is settled once");
        let (budget, spent) = (&outturn.budget, outturn.budget.spent());
        assert_eq!(budget.reserved(), Amounts::default());
        assert!(!ceilings.exceeded(spent));
        requests += spent.requests;
        overruns += u64::from(budget.overrun().is_some());
        let near = |limit: Option<u64>, spent: u64, one: u64| limit.is_some_and(|limit| spent + one > limit);
        match outturn.why {
            Exhausted::Spend { limit, .. } => assert!(spent.usd + largest.usd > limit),
            Exhausted::Tokens { .. } => assert!(near(ceilings.tokens, spent.tokens, largest.tokens)),
            Exhausted::Requests { limit } => assert_eq!(spent.requests, limit),
            Exhausted::Unproved => {
                assert_eq!(budget.proofs, 0, "a needless stop");
                assert!(ceilings.exceeded(spent.plus(largest.at_factor())), "a needless stop");
                unproved += u64::from(manner == Manner::Honest);
            }
            Exhausted::Overrun(_) => assert_eq!(manner, Manner::Excessive),
        }
        if manner == Manner::Honest {
            assert_eq!(budget.overrun(), None);
            assert!(
                outturn.billed <= spent.usd,
                "a provider that keeps to its bounds bills less than is charged"
            );
        }
    }
    println!("{requests} requests, {overruns} runs overrun, {unproved} honest runs stopped before any proof");
    assert!(overruns > 300, "{overruns}");
    assert!(unproved < 25, "{unproved}");
    assert!(requests > 50_000, "{requests}");
}
