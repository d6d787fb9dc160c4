//! Strongly connected components, without recursion.

/// Rows of `u32` in one array.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) start: Vec<u32>,
    pub(crate) items: Vec<u32>,
}

impl Rows {
    /// Sorts pairs (row, item) into rows; items of a row keep their order.
    pub(crate) fn from_pairs(rows: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut start = vec![0_u32; rows + 1];
        for (row, _) in pairs.clone() {
            start[row as usize + 1] += 1;
        }
        for row in 0..rows {
            start[row + 1] += start[row];
        }
        let mut items = vec![0_u32; start[rows] as usize];
        let mut next = start.clone();
        for (row, item) in pairs {
            let at = &mut next[row as usize];
            items[*at as usize] = item;
            *at += 1;
        }
        Self { start, items }
    }

    pub(crate) fn row(&self, row: u32) -> &[u32] {
        let row = row as usize;
        &self.items[self.start[row] as usize..self.start[row + 1] as usize]
    }
}

/// Components of more than one node: `component` by node (`u32::MAX` for a node alone),
/// numbered so that a component comes after all it leads to; and their nodes.
pub(crate) fn cycles(forward: &Rows, nodes: usize) -> (Vec<u32>, Vec<Vec<u32>>) {
    let alone = u32::MAX;
    let mut component = vec![alone; nodes];
    let mut found: Vec<Vec<u32>> = Vec::new();
    // Order of the first visit, from 1; 0 is not visited.
    let mut order = vec![0_u32; nodes];
    let mut low = vec![0_u32; nodes];
    let mut open = vec![false; nodes];
    let mut stack: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32)> = Vec::new();
    let mut clock = 0;
    for root in 0..nodes as u32 {
        if order[root as usize] != 0 {
            continue;
        }
        path.push((root, forward.start[root as usize]));
        clock += 1;
        order[root as usize] = clock;
        low[root as usize] = clock;
        open[root as usize] = true;
        stack.push(root);
        while let Some((node, at)) = path.last_mut() {
            let node = *node as usize;
            if *at < forward.start[node + 1] {
                let next = forward.items[*at as usize] as usize;
                *at += 1;
                if order[next] == 0 {
                    clock += 1;
                    order[next] = clock;
                    low[next] = clock;
                    open[next] = true;
                    stack.push(next as u32);
                    path.push((next as u32, forward.start[next]));
                } else if open[next] {
                    low[node] = low[node].min(order[next]);
                }
                continue;
            }
            path.pop();
            if let Some((below, _)) = path.last() {
                let below = *below as usize;
                low[below] = low[below].min(low[node]);
            }
            if low[node] == order[node] {
                let from = stack.iter().rposition(|&n| n as usize == node).unwrap_or(0);
                for &member in &stack[from..] {
                    open[member as usize] = false;
                }
                if stack.len() - from > 1 {
                    for &member in &stack[from..] {
                        component[member as usize] = found.len() as u32;
                    }
                    found.push(stack[from..].to_vec());
                }
                stack.truncate(from);
            }
        }
    }
    (component, found)
}
