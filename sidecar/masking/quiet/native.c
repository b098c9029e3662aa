/* Whether a text holds nothing at all that may have to be masked: the gate of patterns.py in one pass. And of
 * its end, whether what follows can change anything, and how many digits more may follow that need no look: what
 * ends.py says of most texts and of most digits that are fed alone.
 *
 * Reads a buffer and says yes or no, and may say no too often. A vector of bytes is classified at a time by what
 * VPSHUFB finds for the halves of a byte; the rest is arithmetic on one bit per byte. No allocation, no state.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What looks at text; what Python calls does without, so that it can ask for the processor first. */
#pragma GCC push_options
#pragma GCC target("avx2,bmi,popcnt")

enum { BLOCK = 64, AHEAD = 2, DIGITS = 12 };

/* One bit for every byte of a block. */
struct block {
  uint64_t digit, gap, rare, equal, piece, colon, three;
};

/* What a byte is: the table of its low half and the table of its high half have a bit in common. */
#define GAPS (1 | 4 | 16 | 32 | 128)
#define RARE (2 | 8 | 64)
/*  0 \t | 1 \0 BS CAN ESC | 2 blank + , - . / | 3 % & | 4 d-f D-F | 5 _ ] = ? | 6 backslash | 7 x */
static const uint8_t low_class[16] = {
  2 | 4, 0, 0, 0, 16, 16 | 8, 16 | 8, 0, 2 | 128, 1, 0, 2 | 4, 4 | 64, 4 | 32, 4, 4 | 32,
};
static const uint8_t high_class[16] = { 1 | 2, 2, 4 | 8, 32, 16, 32 | 64, 16, 128, 0, 0, 0, 0, 0, 0, 0, 0 };

/* The first three letters of a piece, in any case; one bit for
 * 0 cv[vcxn2d] | 1 pvv | 2 csc | 3 cid | 4 pin | 5 av2 | 6 c[au]r, ccv | 7 verif, pruef, ptog */
static const uint8_t low_first[16] = {
  2 | 16 | 128, 32, 0, 1 | 4 | 8 | 64, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};
static const uint8_t high_first[16] = {
  0, 0, 0, 0, 1 | 4 | 8 | 32 | 64, 2 | 16 | 128, 1 | 4 | 8 | 32 | 64, 2 | 16 | 128, 0, 0, 0, 0, 0, 0, 0, 0,
};
static const uint8_t low_second[16] = {
  0, 64, 128, 4 | 64, 128, 64 | 128, 1 | 2 | 32, 0, 0, 8 | 16, 0, 0, 0, 0, 0, 0,
};
static const uint8_t high_second[16] = {
  0, 0, 0, 0, 8 | 16 | 64 | 128, 1 | 2 | 4 | 32 | 64 | 128, 8 | 16 | 64 | 128, 1 | 2 | 4 | 32 | 64 | 128,
  0, 0, 0, 0, 0, 0, 0, 0,
};
static const uint8_t low_third[16] = {
  0, 0, 1 | 32 | 64 | 128, 1 | 4, 1 | 8, 128, 1 | 2 | 64, 0, 1, 0, 0, 0, 0, 0, 1 | 16, 128,
};
static const uint8_t high_third[16] = {
  0, 0, 0, 1 | 32, 1 | 4 | 8 | 16 | 128, 1 | 2 | 64 | 128, 1 | 4 | 8 | 16 | 128, 1 | 2 | 64 | 128,
  0, 0, 0, 0, 0, 0, 0, 0,
};

typedef __m256i vector;

static inline vector load(const uint8_t *at) { return _mm256_loadu_si256((const __m256i *)at); }

static inline vector all(int byte) { return _mm256_set1_epi8((char)byte); }

static inline vector table(const uint8_t entries[16])
{
  return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)entries));
}

/* The bits that the tables give for each byte; none for bytes beyond ASCII. */
static inline vector classes(vector bytes, const uint8_t low[16], const uint8_t high[16])
{
  vector halves = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), all(15));
  return _mm256_and_si256(_mm256_shuffle_epi8(table(low), bytes), _mm256_shuffle_epi8(table(high), halves));
}

static inline uint64_t bits(vector mask) { return (uint32_t)_mm256_movemask_epi8(mask); }

static inline vector equals(vector bytes, char byte) { return _mm256_cmpeq_epi8(bytes, all(byte)); }

static inline uint64_t any_of(vector bytes, int which)
{
  return bits(equals(_mm256_and_si256(bytes, all(which)), 0)) ^ UINT32_MAX;
}

/* Look at BLOCK bytes; AHEAD more must be readable. */
static inline struct block look(const uint8_t *at)
{
  struct block found = { 0 };
  for (int shift = 0; shift < BLOCK; shift += (int)sizeof(vector)) {
    vector bytes = load(at + shift), second = load(at + shift + 1), third = load(at + shift + 2);
    vector from_zero = _mm256_sub_epi8(bytes, all('0'));
    vector digit = _mm256_cmpeq_epi8(_mm256_min_epu8(from_zero, all(9)), from_zero);
    vector kind = classes(bytes, low_class, high_class);
    vector piece = _mm256_and_si256(
      _mm256_and_si256(classes(bytes, low_first, high_first), classes(second, low_second, high_second)),
      classes(third, low_third, high_third));
    found.digit |= bits(digit) << shift;
    found.gap |= any_of(kind, GAPS) << shift;
    found.rare |= (any_of(kind, RARE) | bits(bytes)) << shift;
    found.equal |= bits(equals(bytes, '=')) << shift;
    found.piece |= any_of(piece, 255) << shift;
    found.colon |= bits(equals(bytes, ':')) << shift;
    found.three |= bits(equals(bytes, '3')) << shift;
  }
  return found;
}

typedef unsigned __int128 pair;

static inline pair join(uint64_t before, uint64_t now) { return (pair)now << BLOCK | before; }

static inline int count(pair mask)
{
  return __builtin_popcountll((uint64_t)mask) + __builtin_popcountll((uint64_t)(mask >> BLOCK));
}

static inline int first(pair mask)
{
  uint64_t low = (uint64_t)mask;
  return low ? __builtin_ctzll(low) : BLOCK + __builtin_ctzll((uint64_t)(mask >> BLOCK));
}

static inline bool is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

/* Whether `row`, digits and gaps alone, may hold what any reader takes for a number: many digits without a gap
 * or with dashes, groups as cards have them, single digits, pairs, thousands, or hex of digits. */
static bool is_number(const uint8_t *row, int size)
{
  /* Digits of the last four groups, the last one first; how many groups alike end here. */
  int groups[4] = { 0 }, ones = 0, twos = 0, thousands = 0, threes = 0, at = 0;
  while (at < size) {
    int gap = at;
    while (at < size && !is_digit(row[at])) {
      if (row[at] == '-' || (row[at] == '=' && at > 0 && is_digit(row[at - 1])))
        return true;
      at++;
    }
    gap = at - gap;
    int from = at;
    for (; at < size && is_digit(row[at]); at++)
      threes += row[at] == '3';
    int digits = at - from;
    /* What may be a group of the number: the gap before it is short. */
    bool near = gap <= 3;
    for (int group = 3; group > 0; group--)
      groups[group] = near ? groups[group - 1] : 0;
    groups[0] = digits;
    ones = gap > 3 ? 0 : digits == 1 ? ones + 1 : ones;
    twos = digits == 2 && near ? twos + 1 : 0;
    thousands = digits >= 3 && near ? thousands + 1 : 0;
    int four = groups[2], next = groups[1];
    if (digits >= DIGITS || threes >= 3 || ones >= 8 || twos >= 4 || thousands >= 4)
      return true;
    if (four >= 4 && ((next == 4 && digits >= 4) || (next == 6 && digits >= 4) || (next == 5 && digits >= 6)))
      return true;
    if (groups[3] >= 4 && four == 3 && next == 3 && digits >= 3)
      return true;
  }
  return false;
}

/* Whether DIGITS digits that may be a number stand in a row with nothing but gaps between them. The masks are
 * those of the block at `at` and of the one before, empty where there is none. */
static bool has_digits(const uint8_t *text, size_t at, pair digit, pair gap)
{
  if (count(digit) < DIGITS)
    return false;
  pair run = digit | gap, starts = run & run >> 1;
  starts &= starts >> 2;
  starts &= starts >> 4;
  starts &= starts >> 4;
  while (starts) {
    int start = first(starts);
    pair after = ~(run >> start);
    int size = after ? first(after) : 2 * BLOCK;
    pair row = (size < 2 * BLOCK ? ((pair)1 << size) - 1 : ~(pair)0) << start;
    if (count(digit & row) >= DIGITS && is_number(text + (at + (size_t)start - BLOCK), size))
      return true;
    starts &= ~row;
  }
  return false;
}

/* Whether three bytes of hex that are digits stand with colons between them. */
static bool has_colons(pair digit, pair colon, pair three)
{
  pair byte = three & digit >> 1 & colon >> 2;
  return (byte & byte >> 3 & three >> 6) != 0;
}

/* Whether the text at `at` goes on, in any case, as a piece does whose first three letters are there. */
static bool is_piece(const uint8_t *at, size_t size)
{
  static const char pieces[][sizeof(uint64_t)] = { "cvv", "cvc", "cvx", "cvn", "cv2",  "cvd",    "ccv",   "csc",   "av2",
                                                   "cid", "pin", "pvv", "card", "curity", "verif", "pruef", "ptog" };
  uint64_t text = 0;
  if (size >= sizeof text)
    memcpy(&text, at, sizeof text);
  else
    memcpy(&text, at, size);
  text |= 0x2020202020202020;
  bool found = false;
  for (size_t number = 0; number < sizeof pieces / sizeof *pieces; number++) {
    uint64_t piece;
    memcpy(&piece, pieces[number], sizeof piece);
    /* Every byte of a piece has the bit 0x20, what is behind it has none. */
    uint64_t letters = (piece >> 5 & 0x0101010101010101) * 0xff;
    found |= (text & letters) == piece;
  }
  return found;
}

/* The masks of the block at `at`. Behind the end of the text stand letters that mean nothing. */
static inline struct block read_block(const uint8_t *text, size_t size, size_t at)
{
  uint8_t rest[BLOCK + AHEAD];
  if (size - at >= sizeof rest)
    return look(text + at);
  memset(rest, 'q', sizeof rest);
  memcpy(rest, text + at, size - at);
  return look(rest);
}

static bool has_piece(const uint8_t *text, size_t size, size_t at, uint64_t piece)
{
  for (; piece; piece &= piece - 1) {
    size_t place = at + (size_t)__builtin_ctzll(piece);
    if (is_piece(text + place, size - place))
      return true;
  }
  return false;
}

/* Whether a line is broken behind one of the bytes =, or =C2 or =E2 stands there: what blanks and dashes beyond
 * ASCII begin with in quoted-printable. */
static bool has_quoted(const uint8_t *text, size_t size, size_t at, uint64_t equal)
{
  for (; equal; equal &= equal - 1) {
    size_t behind = at + (size_t)__builtin_ctzll(equal) + 1;
    if (behind < size && (text[behind] == '\r' || text[behind] == '\n'))
      return true;
    if (behind + 1 < size && (text[behind] | 6) == 'G' && text[behind + 1] == '2')
      return true;
  }
  return false;
}

/* The first block from `at` on, a multiple of BLOCK, in which a reason stands or ends; `size` if there is none. */
static size_t next_loud(const uint8_t *text, size_t size, size_t at)
{
  struct block before = { 0 };
  if (at >= BLOCK && at < size)
    before = read_block(text, size, at - BLOCK);
  for (; at < size; at += BLOCK) {
    struct block now = read_block(text, size, at);
    pair digit = join(before.digit, now.digit);
    if (now.rare || has_quoted(text, size, at, now.equal) || has_piece(text, size, at, now.piece)
        || has_digits(text, at, digit, join(before.gap, now.gap)))
      return at;
    if ((now.colon || now.three & 1) && has_colons(digit, join(before.colon, now.colon), join(before.three, now.three)))
      return at;
    before = now;
  }
  return size;
}

enum { NEAR = 75, KEYED = 145, DUMPED = 176, JOINT = 160, FIRST_SHOWN = 6, TAG = 8, SHORTEST_TAG = 5, TAG_DIGITS = 4 };

static inline bool is_plain(uint8_t byte)
{
  return is_digit(byte) || byte == ' ' || (byte >= '+' && byte <= '/') || byte == '_' || byte == '\t';
}

static inline bool is_hex(uint8_t byte) { return is_digit(byte) || ((byte | 32) >= 'a' && (byte | 32) <= 'f'); }

static inline size_t last(size_t size, size_t count) { return size > count ? size - count : 0; }

/* Whether a byte from `at` on may be of an EMV tag whose value is removed. */
static bool may_hold_tag(const uint8_t *text, size_t size, size_t at)
{
  for (; at < size; at++)
    if (text[at] == '5' || (text[at] == '6' && at + 1 < size && (text[at + 1] | 0x20) == 'b'))
      return true;
  return false;
}

/* Whether the hex and blanks at the end may hold an EMV tag with its length. */
static bool may_end_in_tag(const uint8_t *text, size_t size)
{
  size_t at = size;
  while (at > last(size, NEAR) && (is_hex(text[at - 1]) || text[at - 1] == ' '))
    at--;
  return size - at >= SHORTEST_TAG && may_hold_tag(text, size, at);
}

/* How many digits three of the hex at the end there may be. In a row of a dump or over the ends of bare rows
 * nothing else stands between two bytes; blanks in pairs may set off a column of text. */
static int threes(const uint8_t *text, size_t size)
{
  size_t lowest = last(size, DUMPED);
  bool columns = memmem(text + lowest, size - lowest, "  ", 2) != NULL;
  int found = 0;
  for (size_t at = size; at > lowest; at--) {
    uint8_t byte = text[at - 1];
    found += byte == '3';
    if (!columns && !is_hex(byte) && !strchr(" x:,\\\r\n", byte))
      break;
  }
  return found;
}

/* ends.Ends.calm where it is easy to say; -1 where it is not. */
static int calm(const uint8_t *text, size_t size)
{
  size_t head = size, lowest = last(size, NEAR), keyed = last(size, KEYED);
  int digits = 0;
  while (head > lowest && is_plain(text[head - 1]))
    digits += is_digit(text[--head]);
  if (head == lowest || digits > FIRST_SHOWN)
    return -1;
  uint8_t mark = text[head - 1] | 0x20;
  /* A track, or what may become a soft line break. */
  if (head - 1 > lowest
      && ((mark == 'd' && is_digit(text[head - 2])) || (text[head - 1] == '=' && is_plain(text[head - 2]))))
    return -1;
  int hex = threes(text, size);
  if (memchr(text + lowest, '^', size - lowest) || may_end_in_tag(text, size))
    return -1;
  if (next_loud(text + keyed, size - keyed, 0) < size - keyed)
    return -1;
  int few = (int)(size - head) <= FIRST_SHOWN ? FIRST_SHOWN - (int)(size - head) : FIRST_SHOWN - digits;
  if (few > FIRST_SHOWN - 1 - hex)
    few = FIRST_SHOWN - 1 - hex;
  /* The digit behind a tag and its length is looked at. */
  if (few > TAG_DIGITS)
    few = TAG_DIGITS;
  return few < 0 ? -1 : may_hold_tag(text, size, last(size, TAG)) ? 0 : few;
}

/* ends.Ends.is_settled where it is easy to say; false where it is not. */
static bool is_settled(const uint8_t *text, size_t size)
{
  size_t head = size, lowest = last(size, NEAR);
  while (head > lowest && is_plain(text[head - 1]))
    head--;
  if (head == lowest || size - head > FIRST_SHOWN || (text[head - 1] | 0x20) == 'd')
    return false;
  if (memchr(text + lowest, '=', size - lowest) || may_end_in_tag(text, size))
    return false;
  int found = 0;
  for (size_t at = last(size, DUMPED); at < size; at++)
    found += text[at] == '3';
  return found <= FIRST_SHOWN;
}

/* Whether all of `text` may go out behind `before`, which went out: nothing calls for a look, nothing waits. */
static bool passes(const uint8_t *before, size_t gone, const uint8_t *text, size_t size)
{
  if (size < JOINT || !is_settled(text, size))
    return false;
  uint8_t joint[2 * JOINT];
  size_t near = gone < JOINT ? gone : JOINT;
  memcpy(joint, before + (gone - near), near);
  memcpy(joint + near, text, JOINT);
  /* What spans the joint is seen on both sides of it. */
  return next_loud(joint, near + JOINT, 0) == near + JOINT && next_loud(text, size, 0) == size;
}

#pragma GCC pop_options

static PyObject *native_next_loud(PyObject *module, PyObject *arguments)
{
  char *text;
  Py_ssize_t size, at;
  (void)module;
  if (!PyArg_ParseTuple(arguments, "Sn", &arguments, &at))
    return NULL;
  if (PyBytes_AsStringAndSize(arguments, &text, &size) < 0)
    return NULL;
  if (at < 0 || at % BLOCK) {
    PyErr_SetString(PyExc_ValueError, "not the start of a block");
    return NULL;
  }
  if (at >= size)
    return PyLong_FromLong(-1);
  size_t loud = next_loud((const uint8_t *)text, (size_t)size, (size_t)at);
  return PyLong_FromSsize_t(loud < (size_t)size ? (Py_ssize_t)loud : -1);
}

static PyObject *native_passes(PyObject *module, PyObject *arguments)
{
  PyObject *before, *data;
  char *gone, *text;
  Py_ssize_t gone_size, size;
  (void)module;
  if (!PyArg_ParseTuple(arguments, "SS", &before, &data) || PyBytes_AsStringAndSize(before, &gone, &gone_size) < 0
      || PyBytes_AsStringAndSize(data, &text, &size) < 0)
    return NULL;
  return PyBool_FromLong(passes((const uint8_t *)gone, (size_t)gone_size, (const uint8_t *)text, (size_t)size));
}

static PyObject *native_calm(PyObject *module, PyObject *buffer)
{
  char *text;
  Py_ssize_t size;
  (void)module;
  if (PyBytes_AsStringAndSize(buffer, &text, &size) < 0)
    return NULL;
  return PyLong_FromLong(calm((const uint8_t *)text, (size_t)size));
}

static PyMethodDef methods[] = {
  { "next_loud", native_next_loud, METH_VARARGS, "The next block with a reason to look closer, or -1." },
  { "passes", native_passes, METH_VARARGS, "Whether all of a text may go out behind another." },
  { "calm", native_calm, METH_O, "How many digits more may follow without a look, or -1." },
  { NULL, NULL, 0, NULL },
};

static struct PyModuleDef definition = {
  PyModuleDef_HEAD_INIT, "native", "The gate of the masking engine in one pass.", 0, methods,
  NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_native(void);

PyMODINIT_FUNC PyInit_native(void)
{
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("popcnt")) {
    PyErr_SetString(PyExc_ImportError, "the processor has no AVX2, BMI or POPCNT");
    return NULL;
  }
  PyObject *module = PyModule_Create(&definition);
  if (module && PyModule_AddStringConstant(module, "source", SOURCE) < 0)
    Py_CLEAR(module);
  return module;
}
