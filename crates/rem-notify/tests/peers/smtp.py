"""A mail server that does what the recipient's name says.

    smtp.py [--cert FILE --key FILE] [--mode plain|starttls|tls] [--login USER:PASSWORD]

It listens on a free port of 127.0.0.1 and prints one JSON line for what
happens: {"port": …} first, then {"mail": …} for every mail it took and
{"connection": …} for every connection.

    refuse@…  550 to RCPT            late@…    550 after the mail
    full@…    452 to RCPT            busy@…    451 after the mail
    grey@…    451 to the first RCPT, 250 to the next
    slow@…    no answer to RCPT      stuck@…   no answer after the mail
    bye@…     the mail is taken and the connection closed
A sender called banned@… gets 550 to MAIL.
"""
import argparse
import asyncio
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


# What clients do to it here is on purpose.
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self):
        self.greylisted = set()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("banned@"):
            return "550 5.7.1 we do not like you"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "refuse":
            return "550 5.1.1 no such user here"
        if name == "full":
            return "452 4.2.2 mailbox full"
        if name == "slow":
            await asyncio.sleep(3600)
        if name == "grey" and address not in self.greylisted:
            self.greylisted.add(address)
            return "451 4.7.1 greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        names = [address.split("@")[0] for address in envelope.rcpt_tos]
        if "late" in names:
            return "554 5.7.1 looks like spam"
        if "busy" in names:
            return "451 4.3.0 try later"
        if "stuck" in names:
            await asyncio.sleep(3600)
        say(mail={
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "data": envelope.original_content.decode("latin-1"),
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data,
            "hello": session.host_name,
        })
        if "bye" in names:
            asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 2.0.0 Ok: queued as 4F2C1A"


class Server(SMTP):
    def connection_made(self, transport):
        if not getattr(self, "counted", False):
            self.counted = True
            say(connection=True)
        super().connection_made(transport)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--mode", default="plain")
    parser.add_argument("--login")
    options = parser.parse_args()

    tls = None
    if options.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.cert, options.key)

    def authenticator(server, session, envelope, mechanism, data):
        ok = isinstance(data, LoginPassword)
        given = f"{data.login.decode()}:{data.password.decode()}" if ok else ""
        if given != options.login:
            return AuthResult(success=False, handled=False, message=f"535 5.7.8 wrong: {given}")
        return AuthResult(success=True, auth_data=data.login.decode())

    handler = Handler()

    def server():
        return Server(
            handler,
            hostname="peer.example.com",
            enable_SMTPUTF8=True,
            tls_context=tls if options.mode == "starttls" else None,
            require_starttls=options.mode == "starttls",
            authenticator=authenticator if options.login else None,
            auth_require_tls=options.mode == "starttls",
            auth_required=bool(options.login),
        )

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        server, "127.0.0.1", 0, ssl=tls if options.mode == "tls" else None
    )
    say(port=listening.sockets[0].getsockname()[1])
    # The test that started us holds our standard input open for as long as it lives.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
