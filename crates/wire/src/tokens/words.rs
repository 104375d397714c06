//! Ordinary English words of exactly one token each, to build texts of a known length from.
//!
//! Every word is one token of `o200k_base` and of `cl100k_base`, with a space before it and without.
//! Joined by single spaces, k words are k tokens, in both vocabularies and by [`super::estimate`].

/// The words: lower case, two to eight letters, sorted, no two alike.
#[rustfmt::skip]
pub static WORDS: [&str; 1667] = [
    "able", "about", "above", "accept", "access", "account", "acid", "acre", "act", "action", "active",
    "actor", "actual", "add", "address", "adult", "advance", "after", "again", "against", "age", "agency",
    "agent", "ago", "agree", "ahead", "aid", "aim", "air", "alarm", "album", "alert", "alien", "all", "allow",
    "almost", "alone", "along", "already", "also", "alter", "always", "among", "amount", "ample", "anchor",
    "and", "angel", "anger", "angle", "animal", "annual", "another", "answer", "any", "appear", "apple",
    "apply", "arc", "archive", "area", "arena", "arm", "armor", "around", "array", "arrow", "art", "article",
    "artist", "ash", "aside", "ask", "aspect", "asset", "assist", "at", "atom", "attach", "attack", "attempt",
    "author", "auto", "average", "avoid", "award", "aware", "away", "baby", "back", "bad", "badge", "bag",
    "balance", "ball", "banana", "band", "bank", "bar", "bare", "base", "basic", "basis", "basket", "battery",
    "battle", "bay", "beam", "bean", "bear", "beat", "because", "bed", "bee", "been", "beer", "before",
    "begin", "being", "belief", "bell", "below", "belt", "bench", "berry", "best", "bet", "better", "between",
    "bid", "big", "bike", "bill", "bind", "bird", "birth", "bishop", "bit", "bite", "black", "blade", "blank",
    "blend", "blind", "block", "blog", "blood", "blue", "board", "boat", "body", "bold", "bond", "bone",
    "bonus", "book", "boost", "boot", "border", "born", "borrow", "boss", "both", "bottom", "bound",
    "boundary", "box", "boy", "brain", "branch", "brand", "bread", "break", "brick", "bridge", "brief",
    "bright", "bring", "broken", "brown", "brush", "bubble", "bucket", "budget", "buffer", "build", "built",
    "bulk", "bull", "bundle", "burn", "burst", "bus", "business", "busy", "but", "button", "buy", "buyer",
    "by", "cake", "call", "came", "camel", "camera", "camp", "can", "cancel", "cannot", "canvas", "cap",
    "capital", "capture", "car", "carbon", "card", "care", "career", "cargo", "carry", "cart", "case", "cash",
    "cast", "castle", "cat", "catalog", "catch", "caught", "cause", "cell", "center", "central", "chain",
    "chair", "chalk", "change", "channel", "chapter", "charge", "chart", "cheap", "check", "chef", "chemical",
    "chief", "child", "chin", "choice", "choose", "church", "circle", "cite", "city", "civil", "claim",
    "class", "classic", "clean", "clear", "click", "client", "clinic", "clinical", "clip", "cloak", "clock",
    "close", "cloth", "cloud", "club", "cluster", "coach", "coal", "coat", "code", "coffee", "coin", "cold",
    "collect", "college", "color", "column", "combat", "combine", "come", "comfort", "comic", "coming",
    "command", "comment", "common", "company", "compare", "complete", "complex", "compose", "compound",
    "concept", "concert", "conduct", "confirm", "connect", "constant", "contact", "contain", "content",
    "contest", "context", "control", "convert", "cook", "cool", "cope", "copy", "core", "corn", "corner",
    "correct", "cost", "could", "count", "counter", "country", "county", "course", "court", "cover", "cow",
    "craft", "crawl", "cream", "create", "credit", "crew", "crop", "cross", "cry", "cube", "culture", "cup",
    "current", "curve", "custom", "customer", "cut", "cycle", "daily", "damage", "dance", "danger", "dark",
    "data", "date", "daughter", "day", "deal", "dealer", "deck", "declare", "deep", "define", "degree",
    "delay", "deliver", "dense", "deny", "depart", "depend", "deposit", "depth", "derive", "describe",
    "design", "desk", "destroy", "detail", "detect", "develop", "device", "dialog", "diamond", "did", "diet",
    "digital", "direct", "dirty", "dish", "display", "distance", "district", "divide", "do", "dock", "doctor",
    "document", "does", "dog", "domain", "done", "door", "double", "down", "draft", "dragon", "draw",
    "drawer", "dream", "dress", "drink", "drive", "driver", "drop", "dry", "duck", "due", "dynamic", "each",
    "ear", "early", "earn", "earth", "ease", "east", "easy", "eat", "echo", "edge", "edit", "editor",
    "effect", "egg", "eight", "either", "elastic", "elder", "elect", "electric", "element", "elite", "else",
    "emotion", "empty", "enable", "end", "enemy", "energy", "engine", "ensure", "enter", "entry", "equal",
    "equip", "era", "error", "escape", "essay", "estate", "even", "event", "ever", "every", "everyone",
    "exact", "exam", "example", "except", "exchange", "exercise", "exist", "exit", "expand", "expect",
    "expense", "expert", "explode", "export", "express", "extend", "extent", "extra", "eye", "fabric", "face",
    "facility", "fact", "factor", "factory", "fade", "fail", "failure", "fair", "faith", "fall", "false",
    "family", "fan", "far", "farm", "fast", "father", "fault", "favor", "feature", "fee", "feed", "feel",
    "fell", "felt", "few", "fiber", "fiction", "field", "fight", "figure", "file", "fill", "film", "filter",
    "final", "finance", "find", "fine", "finger", "finish", "fire", "firm", "first", "fish", "fit", "five",
    "fix", "flag", "flash", "flat", "fleet", "flight", "float", "floor", "flow", "flower", "fluid", "fly",
    "focus", "fold", "folk", "follow", "food", "foot", "football", "for", "force", "foreign", "forest",
    "forge", "forget", "fork", "form", "former", "formula", "fort", "forth", "fortune", "forum", "forward",
    "found", "four", "fox", "fraction", "frame", "free", "freeze", "fresh", "friend", "from", "front",
    "fruit", "fuel", "full", "fun", "function", "fund", "future", "gain", "gallery", "game", "gap", "gas",
    "gate", "gear", "gem", "gene", "general", "geometry", "get", "ghost", "gift", "girl", "give", "given",
    "glass", "global", "go", "goal", "gold", "gone", "good", "goods", "got", "grade", "grand", "grant",
    "graph", "graphic", "grass", "gravity", "gray", "great", "green", "grey", "grid", "ground", "group",
    "grow", "growth", "guard", "guess", "guest", "guide", "habit", "had", "hair", "half", "hall", "hammer",
    "hand", "handle", "hang", "happy", "hard", "has", "hat", "have", "hay", "he", "head", "health", "hear",
    "heard", "heart", "heat", "heavy", "height", "held", "hello", "help", "her", "here", "hero", "hidden",
    "hide", "high", "hill", "him", "hint", "hip", "hire", "his", "history", "hit", "hold", "hole", "holiday",
    "home", "hook", "hope", "horn", "horse", "hospital", "host", "hot", "hotel", "hour", "house", "how",
    "however", "human", "hunt", "ice", "icon", "idea", "ideal", "identify", "idle", "if", "ignore", "ill",
    "image", "immune", "impact", "import", "in", "inch", "include", "income", "increase", "index", "industry",
    "inform", "initial", "ink", "inner", "input", "inside", "inspect", "install", "instance", "instead",
    "interest", "internal", "into", "invest", "invite", "iron", "is", "issue", "it", "item", "its", "jam",
    "jar", "jet", "job", "join", "joint", "journal", "joy", "judge", "jump", "jury", "just", "justice",
    "keep", "key", "kick", "kind", "king", "know", "known", "label", "lake", "lamp", "land", "language",
    "lap", "large", "last", "late", "later", "launch", "law", "lay", "layer", "lazy", "lead", "leader",
    "leaf", "league", "lean", "learn", "least", "leave", "lecture", "led", "left", "leg", "legacy", "legal",
    "legend", "length", "less", "lesson", "let", "letter", "level", "lever", "library", "license", "lid",
    "lie", "life", "lift", "light", "like", "likely", "limit", "line", "link", "lion", "lip", "list",
    "listen", "little", "live", "living", "load", "loan", "local", "lock", "locker", "logic", "logo", "long",
    "look", "loop", "lord", "lose", "loss", "lost", "lot", "love", "low", "lower", "luck", "lung", "machine",
    "mad", "made", "magic", "mail", "main", "major", "make", "male", "mall", "man", "manage", "manager",
    "manual", "many", "map", "margin", "marine", "mark", "market", "mask", "mass", "master", "match", "mate",
    "material", "math", "matter", "maximum", "may", "maybe", "me", "meal", "mean", "meaning", "means",
    "measure", "media", "medical", "medicine", "medium", "meet", "meeting", "member", "memory", "men",
    "mental", "mention", "mentor", "menu", "merchant", "mere", "merge", "mesh", "mess", "message", "metal",
    "meteor", "method", "metro", "middle", "might", "mile", "mill", "mind", "mine", "minimum", "minor",
    "mint", "minute", "mirror", "miss", "mission", "mist", "mix", "mobile", "mode", "model", "modern",
    "modify", "moment", "money", "monitor", "monster", "month", "moon", "more", "most", "mostly", "mother",
    "motion", "motor", "mount", "mouse", "mouth", "move", "movement", "movie", "much", "multiple", "music",
    "must", "my", "name", "nation", "national", "native", "natural", "nature", "near", "neck", "need",
    "needle", "negative", "nest", "net", "network", "neutral", "never", "new", "news", "next", "nice",
    "night", "nine", "no", "noise", "none", "nor", "normal", "north", "not", "note", "nothing", "notice",
    "now", "number", "nut", "object", "observe", "occasion", "odd", "of", "off", "offer", "office",
    "official", "often", "oil", "old", "omega", "on", "once", "one", "only", "onto", "opaque", "open",
    "operate", "option", "or", "oracle", "orange", "orbit", "order", "ordinary", "organ", "organic", "origin",
    "original", "other", "ought", "our", "out", "outer", "output", "outside", "oval", "oven", "over",
    "overall", "owe", "own", "owner", "pace", "pack", "package", "page", "paid", "pain", "paint", "pair",
    "pan", "panel", "panic", "paper", "parent", "park", "part", "partner", "party", "pass", "past", "paste",
    "patch", "path", "patient", "pattern", "pause", "pay", "payment", "peace", "peak", "pear", "pen",
    "people", "perfect", "perform", "perhaps", "period", "permit", "person", "personal", "phase", "phone",
    "photo", "phrase", "physical", "pick", "pickle", "picture", "pie", "piece", "pig", "pile", "pin", "pine",
    "pink", "pipe", "pitch", "place", "plain", "plan", "plane", "planet", "plant", "plate", "platform",
    "play", "player", "please", "plot", "plug", "plus", "point", "pole", "policy", "pond", "pool", "popular",
    "port", "portal", "portion", "portrait", "position", "positive", "possible", "post", "pot", "pour",
    "power", "practice", "pray", "predict", "prefer", "prepare", "presence", "present", "press", "pressure",
    "pretty", "prevent", "previous", "price", "primary", "prime", "print", "prior", "private", "probe",
    "problem", "process", "produce", "product", "profile", "profit", "program", "progress", "project",
    "promise", "prompt", "proof", "proper", "property", "protect", "protein", "prove", "provide", "province",
    "public", "pull", "pulse", "purchase", "pure", "purple", "purpose", "push", "put", "quality", "quantity",
    "quarter", "queen", "quest", "question", "quick", "quiet", "quit", "quite", "quote", "rabbit", "race",
    "radio", "radius", "raft", "rail", "rain", "raise", "ran", "random", "range", "rank", "rapid", "rate",
    "rather", "ratio", "raw", "reach", "react", "read", "reader", "ready", "real", "really", "reason",
    "receive", "recent", "recipe", "record", "recover", "red", "reduce", "refer", "reflect", "region",
    "regular", "reject", "relation", "release", "remain", "remark", "remember", "remote", "remove", "rent",
    "repair", "repeat", "replace", "reply", "report", "request", "require", "research", "reserve", "resident",
    "resolve", "resource", "respect", "respond", "rest", "result", "retain", "return", "review", "reward",
    "rice", "rich", "rid", "ride", "ridge", "right", "ring", "rise", "risk", "river", "road", "robot", "rock",
    "rocket", "role", "roll", "roof", "room", "root", "rose", "rough", "round", "route", "routine", "row",
    "rule", "run", "runner", "rush", "sad", "safe", "said", "salary", "sale", "salt", "same", "sample",
    "sand", "save", "saving", "say", "scale", "scan", "scene", "schedule", "scheme", "school", "science",
    "scope", "score", "screen", "script", "sea", "search", "season", "seat", "second", "secret", "section",
    "sector", "secure", "security", "see", "seed", "seek", "select", "self", "sell", "send", "sense",
    "sentence", "sequence", "series", "serve", "service", "session", "set", "setup", "seven", "shade",
    "shadow", "shake", "shall", "shape", "share", "sharp", "she", "sheet", "shell", "shield", "shift",
    "shine", "ship", "shirt", "shop", "shore", "short", "should", "show", "side", "sign", "signal", "silent",
    "silver", "similar", "simple", "since", "sing", "single", "sink", "sit", "site", "six", "size", "skill",
    "skin", "sky", "sleep", "slice", "slide", "slow", "small", "smart", "smooth", "snake", "snap", "snow",
    "so", "soap", "social", "sock", "soft", "software", "sole", "solid", "solution", "solve", "some", "son",
    "song", "soon", "sort", "sound", "source", "south", "space", "spark", "special", "species", "specific",
    "speech", "speed", "spell", "sphere", "spin", "split", "sport", "spot", "spread", "spring", "square",
    "stable", "stack", "staff", "stage", "stamp", "stand", "standard", "star", "start", "state", "station",
    "status", "stay", "steady", "steam", "steel", "stellar", "stem", "step", "stick", "still", "stock",
    "stone", "stood", "stop", "storage", "store", "storm", "story", "straight", "strand", "stream", "street",
    "strength", "stress", "stretch", "strict", "strike", "string", "strip", "stripe", "stroke", "strong",
    "student", "studio", "study", "stuff", "style", "subject", "submit", "success", "such", "suggest",
    "summer", "sun", "super", "support", "sure", "surface", "survey", "sweet", "swift", "switch", "symbol",
    "system", "table", "tail", "take", "talk", "tank", "tap", "target", "task", "tax", "tea", "teacher",
    "team", "tech", "tell", "ten", "tenant", "tent", "term", "terrain", "test", "text", "texture", "than",
    "thank", "that", "the", "theme", "then", "there", "these", "they", "thin", "thing", "think", "third",
    "this", "those", "though", "thought", "thread", "three", "through", "throw", "thumb", "thus", "ticket",
    "tie", "tight", "time", "tiny", "tip", "title", "to", "toast", "today", "token", "ton", "tone", "too",
    "tool", "top", "topic", "torch", "total", "touch", "tour", "tower", "town", "toy", "trace", "track",
    "trade", "trail", "train", "trait", "transfer", "trap", "travel", "tree", "trial", "tribute", "trip",
    "truck", "true", "trust", "truth", "try", "tube", "turn", "two", "type", "under", "uniform", "union",
    "unique", "unit", "unity", "unknown", "unless", "until", "up", "update", "upon", "upper", "urban", "urge",
    "us", "usage", "use", "used", "user", "usual", "usually", "value", "vary", "vault", "vehicle", "vendor",
    "venture", "venue", "verb", "verse", "version", "very", "vest", "via", "video", "view", "vine", "visible",
    "vision", "visit", "visitor", "visual", "voice", "volume", "vote", "wagon", "wait", "wake", "walk",
    "wall", "want", "warm", "warn", "wash", "watch", "water", "wave", "way", "we", "weak", "wealth", "wear",
    "weather", "web", "week", "weekly", "weight", "welcome", "well", "went", "were", "west", "western",
    "what", "wheel", "when", "where", "whether", "which", "while", "white", "who", "whole", "whose", "why",
    "wide", "wife", "wild", "will", "win", "wind", "window", "wine", "wing", "winner", "winter", "wire",
    "wise", "wish", "with", "within", "without", "wizard", "wolf", "woman", "women", "won", "wood", "word",
    "work", "worker", "world", "worth", "would", "wrap", "write", "writer", "written", "wrong", "yard",
    "year", "yellow", "yes", "yet", "yield", "you", "young", "your", "zero", "zone",
];

#[cfg(test)]
mod tests {
    use super::super::{Vocabulary, estimate};
    use super::WORDS;

    #[test]
    fn the_words_are_plain_sorted_and_all_different() {
        assert!(WORDS.is_sorted_by(|a, b| a < b));
        for word in WORDS {
            assert!((2..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn every_word_is_one_token_with_and_without_a_space() {
        for vocabulary in [Vocabulary::O200k, Vocabulary::Cl100k] {
            for word in WORDS {
                assert_eq!(vocabulary.count(word), 1, "{word}");
                assert_eq!(vocabulary.count(&format!(" {word}")), 1, "{word}");
            }
        }
    }

    /// Steps that share no factor with the number of words put every word beside many others.
    #[test]
    fn any_sequence_of_words_has_as_many_tokens_as_words() {
        for step in [1, 7, 311, 1009] {
            let words: Vec<&str> = (0..3 * WORDS.len()).map(|i| WORDS[i * step % WORDS.len()]).collect();
            let text = words.join(" ");
            let count = u32::try_from(words.len()).unwrap();
            assert_eq!(estimate(&text), count);
            assert_eq!(Vocabulary::O200k.count(&text), count);
            assert_eq!(Vocabulary::Cl100k.count(&text), count);
            assert_eq!(Vocabulary::O200k.count(&format!(" {text}")), count);
        }
    }
}
