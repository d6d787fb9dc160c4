import os, _socket
channel = _socket.socket(fileno=os.dup(0))
def receive(count):
    data = b""
    while len(data) < count:
        piece = channel.recv(count - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data
exec(compile(receive(int.from_bytes(receive(4), "little")), "<rem-script worker>", "exec"))
