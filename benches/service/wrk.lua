-- One line for the script: requests, microseconds, microseconds at p99, and what went wrong.
done = function(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("figures %d %d %d %d", summary.requests, summary.duration, latency:percentile(99), failed))
end
