"""gevent's own WSGI server; with a second argument, the timeout around the handler that is usually advised."""

import sys

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer

HELLO = b"Hello, world!"
BIG = bytes(8 << 20)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        gevent.sleep(2)
    body = BIG if path == "/big" else HELLO
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class TimedHandler(WSGIHandler):
    def handle(self):
        with gevent.Timeout(float(sys.argv[2]), False):
            super().handle()


handler = TimedHandler if len(sys.argv) > 2 else WSGIHandler
WSGIServer(
    ("127.0.0.1", int(sys.argv[1])), application, backlog=1024, log=None, handler_class=handler
).serve_forever()
