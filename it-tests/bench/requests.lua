-- Requests of wrk: -- METHOD BYTES EACH TOGETHER; of each EACH requests TOGETHER (1) in a row say close (EACH 0: none does),
-- so that plain Jetty closes as often as the policy does, and at the same moment.
local count, each, together, keep, close = 0, 0, 1, nil, nil

function init(args)
    local method, bytes = args[1] or "GET", tonumber(args[2] or "0")
    each = tonumber(args[3] or "0")
    together = tonumber(args[4] or "1")
    local body = bytes > 0 and string.rep("x", bytes) or nil
    local path = method == "POST" and "/echo" or "/"
    keep = wrk.format(method, path, nil, body)
    close = wrk.format(method, path, {["Host"] = wrk.headers["Host"], ["Connection"] = "close"}, body)
end

function request()
    count = count + 1
    if each > 0 and count % each >= each - together then
        return close
    end
    return keep
end
