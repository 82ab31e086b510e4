/* The express lane in C: the same as the two functions in lane.py, which says what they are for.
 *
 * `take` only ever reads `data`, looks at one frame at a time, and gives up on whatever is not to the
 * bit what it knows: then the frame stays where it is, for the `websockets` library, or its payload
 * is handed on as it is, for the codecs. So nothing is refused here and nothing is repaired.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { MAX_ACK_DIGITS = 15 };

static PyObject *decode_method;

/* XOR with the key of the frame (RFC 6455, section 5.3), eight bytes at a time. Returns whether all
   of what came out is ASCII. */
static int unmask(unsigned char *to, const unsigned char *from, Py_ssize_t length,
                  const unsigned char *key) {
    uint64_t mask, word, seen = 0;
    Py_ssize_t at = 0;
    memcpy(&mask, key, 4);
    memcpy((unsigned char *)&mask + 4, key, 4);
    for (; at + 8 <= length; at += 8) {
        memcpy(&word, from + at, 8);
        word ^= mask;
        seen |= word;
        memcpy(to + at, &word, 8);
    }
    for (; at < length; at++) {
        to[at] = from[at] ^ key[at & 3];
        seen |= to[at];
    }
    return !(seen & UINT64_C(0x8080808080808080));
}

static int is_utf8(const char *text, Py_ssize_t length) {
    PyObject *decoded = PyUnicode_DecodeUTF8(text, length, NULL);
    if (decoded == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) PyErr_Clear();
        return 0;
    }
    Py_DECREF(decoded);
    return 1;
}

/* JSON nests no deeper than it has opening brackets. */
static Py_ssize_t openings(const char *text, Py_ssize_t length) {
    Py_ssize_t count = 0;
    for (Py_ssize_t at = 0; at < length; at++) count += (text[at] | 0x20) == '{';
    return count;
}

/* The event in a payload that begins as `42["name"` or `4217["name"` does, as a new (event, ack).
   NULL without an exception when it is anything else, or does not decode. */
static PyObject *event_of(const char *text, Py_ssize_t length, PyObject *decoders,
                          Py_ssize_t max_depth) {
    Py_ssize_t at = 2;
    unsigned long long number = 0;
    if (length < 5 || text[0] != '4' || text[1] != '2') return NULL;
    while (at < length && at - 2 <= MAX_ACK_DIGITS && text[at] >= '0' && text[at] <= '9')
        number = number * 10 + (text[at++] - '0');
    if (at - 2 > MAX_ACK_DIGITS || length - at < 3 || text[at] != '[' || text[at + 1] != '"')
        return NULL;
    const char *name = text + at + 2;
    const char *end = memchr(name, '"', text + length - name);
    if (end == NULL) return NULL;
    PyObject *key = PyBytes_FromStringAndSize(name, end - name);
    if (key == NULL) return NULL;
    PyObject *decoder = PyDict_GetItemWithError(decoders, key);
    Py_DECREF(key);
    if (decoder == NULL || openings(text + at, length - at) > max_depth) return NULL;

    PyObject *body = PyBytes_FromStringAndSize(text + at, length - at);
    if (body == NULL) return NULL;
    PyObject *arguments[] = {decoder, body};
    Py_INCREF(decoder);
    PyObject *event = PyObject_VectorcallMethod(decode_method, arguments,
                                                2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_DECREF(decoder);
    Py_DECREF(body);
    if (event == NULL) {
        /* What is wrong with it is found once more, and said, where the payload goes */
        if (PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
        return NULL;
    }
    PyObject *ack = at > 2 ? PyLong_FromUnsignedLongLong(number) : Py_NewRef(Py_None);
    PyObject *item = ack == NULL ? NULL : PyTuple_Pack(2, event, ack);
    Py_DECREF(event);
    Py_XDECREF(ack);
    return item;
}

/* The item of a frame's payload as a new reference, NULL without an exception for text that is not
   UTF-8. */
static PyObject *item_of(const unsigned char *from, Py_ssize_t length, const unsigned char *key,
                         PyObject *decoders, Py_ssize_t max_depth) {
    PyObject *payload = PyBytes_FromStringAndSize(NULL, length);
    if (payload == NULL) return NULL;
    char *text = PyBytes_AS_STRING(payload);
    PyObject *item = NULL;
    if (unmask((unsigned char *)text, from, length, key) || is_utf8(text, length)) {
        item = event_of(text, length, decoders, max_depth);
        if (item == NULL && !PyErr_Occurred()) item = PyTuple_Pack(2, payload, Py_None);
    }
    Py_DECREF(payload);
    return item;
}

/* Bytes since the process began; the interpreter's lock guards them. */
static unsigned long long received, sent;

static PyObject *take(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    if (count != 4 || !PyBytes_Check(arguments[0]) || !PyDict_Check(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "take(data: bytes, max_size: int, decoders: dict, "
                                         "max_depth: int)");
        return NULL;
    }
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(arguments[0]);
    Py_ssize_t size = PyBytes_GET_SIZE(arguments[0]), at = 0;
    Py_ssize_t max_size = PyLong_AsSsize_t(arguments[1]);
    Py_ssize_t max_depth = PyLong_AsSsize_t(arguments[3]);
    if (PyErr_Occurred()) return NULL;
    PyObject *items = PyList_New(0);
    if (items == NULL) return NULL;
    /* Only final text frames without extension bits, masked, whole, within the limit */
    while (size - at >= 6 && data[at] == 0x81 && data[at + 1] >= 0x80) {
        Py_ssize_t length = data[at + 1] & 0x7f, start = at + 6;
        if (length == 126) {
            if (size - at < 8) break;
            length = data[at + 2] << 8 | data[at + 3];
            start = at + 8;
        } else if (length == 127) {
            break;
        }
        if (length > size - start || length > max_size) break;
        PyObject *item = item_of(data + start, length, data + start - 4, arguments[2], max_depth);
        int failed = item == NULL ? PyErr_Occurred() != NULL : PyList_Append(items, item) < 0;
        Py_XDECREF(item);
        if (failed) {
            Py_DECREF(items);
            return NULL;
        }
        if (item == NULL) break;
        at = start + length;
    }
    received += at;
    PyObject *taken = PyLong_FromSsize_t(at);
    PyObject *result = taken == NULL ? NULL : PyTuple_Pack(2, items, taken);
    Py_DECREF(items);
    Py_XDECREF(taken);
    return result;
}

static size_t header(unsigned char *to, int opcode, size_t length) {
    to[0] = opcode;
    if (length < 126) {
        to[1] = length;
        return 2;
    }
    int bytes = length < 65536 ? 2 : 8;
    to[1] = bytes == 2 ? 126 : 127;
    for (int at = 0; at < bytes; at++) to[2 + at] = (uint64_t)length >> 8 * (bytes - 1 - at);
    return 2 + bytes;
}

static PyObject *frames(PyObject *module, PyObject *packets) {
    enum { TEXT = 0x81, BINARY = 0x82, MAX_HEADER = 10 };
    size_t total = 0;
    if (!PyList_Check(packets)) {
        PyErr_SetString(PyExc_TypeError, "frames(packets: list)");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(packets); i++) {
        PyObject *packet = PyList_GET_ITEM(packets, i);
        if (!PyBytes_Check(packet)) {
            PyErr_SetString(PyExc_TypeError, "a packet is bytes");
            return NULL;
        }
        unsigned char unused[MAX_HEADER];
        total += header(unused, TEXT, PyBytes_GET_SIZE(packet)) + PyBytes_GET_SIZE(packet);
    }
    PyObject *result = PyBytes_FromStringAndSize(NULL, total);
    if (result == NULL) return NULL;
    unsigned char *to = (unsigned char *)PyBytes_AS_STRING(result);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(packets); i++) {
        PyObject *packet = PyList_GET_ITEM(packets, i);
        size_t length = PyBytes_GET_SIZE(packet);
        to += header(to, PyBytes_CheckExact(packet) ? TEXT : BINARY, length);
        memcpy(to, PyBytes_AS_STRING(packet), length);
        to += length;
    }
    sent += total;
    return result;
}

static PyObject *traffic(PyObject *module, PyObject *unused) {
    return Py_BuildValue("KK", received, sent);
}

static PyMethodDef methods[] = {
    {"take", (PyCFunction)(void (*)(void))take, METH_FASTCALL, "See `take_in_python`."},
    {"frames", frames, METH_O, "See `frames_in_python`."},
    {"traffic", traffic, METH_NOARGS, "Bytes that `take` has taken and `frames` has made."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_lane", NULL, -1, methods,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__lane(void) {
    decode_method = PyUnicode_InternFromString("decode");
    return decode_method == NULL ? NULL : PyModule_Create(&module);
}
