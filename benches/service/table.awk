# Rounds (round, variant, requests/s, p99, processor time per request) as a table, and what they say.

function sorted(from, to, n,    i, j, value) {
    for (i = 1; i <= n; i++) {
        value = from[i]
        for (j = i - 1; j > 0 && to[j] > value; j--) to[j + 1] = to[j]
        to[j + 1] = value
    }
}

# Median, least and most.
function told(values, n, format,    order) {
    sorted(values, order, n)
    return sprintf(format " (" format " to " format ")", (order[int((n + 1) / 2)] + order[int(n / 2) + 1]) / 2, order[1], order[n])
}

{ figure[$2, $1, 1] = $3; figure[$2, $1, 2] = $4; figure[$2, $1, 3] = $5; rounds = $1 }

function column(variant, which, values,    i) {
    for (i = 1; i <= rounds; i++) values[i] = figure[variant, i, which]
}

function row(variant,    values, line) {
    line = "| " variant " |"
    column(variant, 1, values); line = line " " told(values, rounds, "%.0f") " |"
    column(variant, 2, values); line = line " " told(values, rounds, "%.0f") " |"
    column(variant, 3, values); line = line " " told(values, rounds, "%.2f") " |"
    print line
}

END {
    print "| `server_stack` | requests/s | p99, µs | processor time per request, µs |"
    print "|---|---|---|---|"
    row("without")
    row("with")
    for (i = 1; i <= rounds; i++) {
        off[i] = figure["with", i, 3] - figure["without", i, 3]
        more += off[i] > 0
    }
    printf "\nIn the same round, with it less without: %s µs of the service's processor time per request.\n", told(off, rounds, "%.2f")
    # The same sign by chance alone: one in sixteen of five rounds, one in 32 of six.
    if (rounds < 6) print "Too few rounds to tell that from noise."
    else if (more > 0 && more < rounds) print "The sign is not the same in all rounds: the difference is within this machine's noise."
}
