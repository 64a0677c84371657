-- Requests of wrk: -- METHOD BYTES EACH; each EACHth request says close (0: none), so that plain Jetty closes as often.
local count, each, keep, close = 0, 0, nil, nil

function init(args)
    local method, bytes = args[1] or "GET", tonumber(args[2] or "0")
    each = tonumber(args[3] or "0")
    local body = bytes > 0 and string.rep("x", bytes) or nil
    local path = method == "POST" and "/echo" or "/"
    keep = wrk.format(method, path, nil, body)
    close = wrk.format(method, path, {["Host"] = wrk.headers["Host"], ["Connection"] = "close"}, body)
end

function request()
    count = count + 1
    if each > 0 and count % each == 0 then
        return close
    end
    return keep
end
