use crate::node::{Node, Value};
use crate::parse::{TEXT_BYTES_MAX, VALUES_MAX};

/// What a node takes, with everything in it.
#[derive(Clone, Copy, Default)]
pub(super) struct Cost {
    values: usize,
    text_bytes: usize,
}

/// What a file has taken so far, every alias counted as often as it is used.
#[derive(Default)]
pub(super) struct Budget {
    spent: Cost,
    has_aliases: bool,
}

impl Cost {
    /// One scalar, list or map of its own.
    pub(super) const fn one(text_bytes: usize) -> Self {
        Self {
            values: 1,
            text_bytes,
        }
    }

    /// What a copy of the node costs, and how deep it is.
    pub(super) fn of(node: &Node) -> (Self, usize) {
        let mut total = Self::one(node.as_str().map_or(0, str::len));
        let mut depth = 0;
        let mut add = |node: &Node| {
            let (cost, below) = Self::of(node);
            total.values += cost.values;
            total.text_bytes += cost.text_bytes;
            depth = depth.max(below + 1);
        };
        match &node.value {
            Value::Seq(items) => items.iter().for_each(add),
            Value::Map(map) => {
                map.iter().for_each(|(_, entry)| add(&entry.node));
                total.text_bytes += map.keys().map(str::len).sum::<usize>();
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => {}
        }
        (total, depth)
    }
}

impl Budget {
    /// Takes the cost into account before anything is copied.
    ///
    /// # Errors
    /// Which limit it exceeds.
    pub(super) fn spend(&mut self, cost: Cost) -> Result<(), String> {
        self.spent.values = self.spent.values.saturating_add(cost.values);
        self.spent.text_bytes = self.spent.text_bytes.saturating_add(cost.text_bytes);
        let aliases = match self.has_aliases {
            true => ", aliases unfolded",
            false => "",
        };
        if self.spent.values > VALUES_MAX {
            return Err(format!(
                "more than {VALUES_MAX} values in one file{aliases}"
            ));
        }
        if self.spent.text_bytes > TEXT_BYTES_MAX {
            let mib = TEXT_BYTES_MAX >> 20;
            return Err(format!("more than {mib} MiB of text in one file{aliases}"));
        }
        Ok(())
    }

    pub(super) const fn uses_aliases(&mut self) {
        self.has_aliases = true;
    }
}
