//! Which prompt of a corpus a request sends: a pure function of the seed and of the request's number.

use floodline_core::random::{Purpose, Stream};

use crate::permutation::Permutation;

/// How prompts are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Any prompt at any time, so that some come up again before others came up at all.
    Random,
    /// In the order of the file, from the start again at its end.
    Sequential,
    /// Every prompt once, in another order each time the corpus is used up.
    Shuffled,
    /// A share of the prompts for each of so many users: no two users ever ask the same, as long as there are
    /// at least as many prompts as users. A user whose share is used up asks it again in another order.
    UniquePerUser {
        /// Users that share the corpus. A user beyond them has the share of the one at its number modulo
        /// theirs.
        users: u32,
    },
}

/// The order of the users' shares among the streams of the corpus; far behind any number of passes.
const SHARES: u64 = u64::MAX;

/// Chooses prompts of a corpus.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    sampling: Sampling,
    seed: u64,
    /// Above zero.
    prompts: u32,
    /// The order that shares are cut from.
    shares: Permutation,
}

impl Sampler {
    /// Chooses among so many prompts; `None` if there are none, or more than 32 bits can number.
    pub fn new(sampling: Sampling, seed: u64, prompts: usize) -> Option<Sampler> {
        let prompts = u32::try_from(prompts).ok().filter(|&prompts| prompts > 0)?;
        Some(Sampler { sampling, seed, prompts, shares: Permutation::new(seed, SHARES, prompts) })
    }

    /// The index of the prompt that arrival `i` sends. `user` is the number of the user that sends it, and how many
    /// requests that user sent before. Without a user, shares mean nothing: the prompts are shuffled.
    pub fn index(&self, i: u64, user: Option<(u32, u64)>) -> usize {
        let index = match (self.sampling, user) {
            (Sampling::Random, _) => Stream::new(self.seed, Purpose::Corpus, i).below(self.prompts),
            (Sampling::Sequential, _) => (i % u64::from(self.prompts)) as u32,
            (Sampling::Shuffled, _) | (Sampling::UniquePerUser { .. }, None) => {
                shuffled(self.seed, i, self.prompts, |pass| pass)
            }
            (Sampling::UniquePerUser { users }, Some((user, nth))) => self.of_user(users.max(1), user, nth),
        };
        index as usize
    }

    /// What to know before the start about this way of choosing, as a sentence that says what follows.
    pub fn warning(&self) -> Option<String> {
        match self.sampling {
            Sampling::UniquePerUser { users } if users > self.prompts => Some(format!(
                "{} users share {} prompts, so several of them ask the same: a prefix cache answers for all but the \
                 first; use more prompts or fewer users",
                users, self.prompts
            )),
            Sampling::UniquePerUser { .. } | Sampling::Random | Sampling::Sequential | Sampling::Shuffled => {
                None
            }
        }
    }

    /// The share of user u are the places u, u + users, u + 2·users … of one order of all prompts.
    fn of_user(&self, users: u32, user: u32, nth: u64) -> u32 {
        let shares = users.min(self.prompts);
        let share = user % users % shares;
        let size = (self.prompts - share).div_ceil(shares);
        // Passes of a share have streams of their own: a share's number is above any number of passes.
        let within = shuffled(self.seed, nth, size, |pass| u64::from(share + 1) << 32 | pass & 0xffff_ffff);
        self.shares.at(share + within * shares)
    }
}

/// The `i`th of the passes over n things, each in an order of its own; `stream` numbers the orders.
fn shuffled(seed: u64, i: u64, n: u32, stream: impl FnOnce(u64) -> u64) -> u32 {
    let (pass, place) = (i / u64::from(n), i % u64::from(n));
    Permutation::new(seed, stream(pass), n).at(place as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use proptest::prelude::*;

    use super::*;

    fn sampler(sampling: Sampling, n: usize) -> Sampler {
        Sampler::new(sampling, 9, n).unwrap()
    }

    #[test]
    fn an_empty_corpus_has_no_sampler() {
        assert!(Sampler::new(Sampling::Random, 0, 0).is_none());
    }

    #[test]
    fn sequential_goes_round() {
        let sampler = sampler(Sampling::Sequential, 3);
        assert_eq!([0, 1, 2, 3, 7].map(|i| sampler.index(i, None)), [0, 1, 2, 0, 1]);
        assert_eq!(sampler.index(u64::MAX, None), (u64::MAX % 3) as usize);
    }

    /// Pinned: changed choices would silently change every recorded seed's run.
    #[test]
    fn the_choices_of_a_seed_never_change() {
        let seen = |sampling| [0, 1, 2, 1000].map(|i| sampler(sampling, 1000).index(i, Some((3, i))));
        assert_eq!(seen(Sampling::Random), [489, 356, 602, 317]);
        assert_eq!(seen(Sampling::Shuffled), [989, 34, 498, 246]);
        assert_eq!(seen(Sampling::UniquePerUser { users: 10 }), [604, 962, 846, 901]);
    }

    #[test]
    fn random_reaches_every_prompt_about_as_often() {
        let mut seen = [0u32; 20];
        (0..20_000).for_each(|i| seen[sampler(Sampling::Random, 20).index(i, None)] += 1);
        assert!(seen.iter().all(|k| (850..1150).contains(k)), "{seen:?}");
    }

    #[test]
    fn passes_have_different_orders() {
        let sampler = sampler(Sampling::Shuffled, 50);
        let pass = |p: u64| (50 * p..50 * p + 50).map(|i| sampler.index(i, None)).collect::<Vec<_>>();
        assert_ne!(pass(0), pass(1));
        let other = Sampler::new(Sampling::Shuffled, 10, 50).unwrap();
        assert_ne!(pass(0), (0..50).map(|i| other.index(i, None)).collect::<Vec<_>>());
    }

    #[test]
    fn more_users_than_prompts_share_and_are_warned_of() {
        let sampler = sampler(Sampling::UniquePerUser { users: 7 }, 3);
        let asked: BTreeSet<usize> = (0..7).map(|user| sampler.index(0, Some((user, 0)))).collect();
        assert_eq!(asked.len(), 3);
        assert!(sampler.warning().unwrap().starts_with("7 users share 3 prompts"));
        assert_eq!(Sampler::new(Sampling::UniquePerUser { users: 3 }, 0, 3).unwrap().warning(), None);
    }

    proptest! {
        #[test]
        fn every_pass_of_a_shuffled_corpus_has_every_prompt_once(seed: u64, n in 1usize..200, pass in 0u64..1 << 40) {
            let sampler = Sampler::new(Sampling::Shuffled, seed, n).unwrap();
            let start = pass * n as u64;
            let seen: BTreeSet<usize> = (start..start + n as u64).map(|i| sampler.index(i, None)).collect();
            prop_assert_eq!(seen, (0..n).collect());
        }

        #[test]
        fn users_never_ask_the_same(seed: u64, n in 1u32..120, users in 1u32..20, each in 1u64..30) {
            prop_assume!(users <= n);
            let sampler = Sampler::new(Sampling::UniquePerUser { users }, seed, n as usize).unwrap();
            let mut owner: HashMap<usize, u32> = HashMap::new();
            for user in 0..users {
                let asked: Vec<usize> = (0..each).map(|nth| sampler.index(0, Some((user, nth)))).collect();
                let distinct: BTreeSet<usize> = asked.iter().copied().collect();
                let share = ((n - user).div_ceil(users) as usize).min(asked.len());
                prop_assert_eq!(distinct.len(), share, "a user asks all of its share before it asks any again");
                for prompt in distinct {
                    prop_assert!(prompt < n as usize);
                    prop_assert_eq!(*owner.entry(prompt).or_insert(user), user);
                }
            }
            if each >= u64::from(n.div_ceil(users)) {
                prop_assert_eq!(owner.len(), n as usize, "no prompt is left without a user");
            }
        }

        #[test]
        fn any_index_is_within_the_corpus(i: u64, user: u32, nth: u64, users: u32, n in 1usize..1 << 33) {
            for sampling in [Sampling::Random, Sampling::Sequential, Sampling::Shuffled, Sampling::UniquePerUser { users }] {
                if let Some(sampler) = Sampler::new(sampling, 1, n) {
                    prop_assert!(sampler.index(i, Some((user, nth))) < n);
                }
            }
        }
    }
}
