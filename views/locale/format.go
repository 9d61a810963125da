package locale

import (
	"strconv"
	"time"
)

// narrow is the narrow no-break space: French groups digits with it.
const narrow = "\u202f"

// A format is how one language writes figures and dates.
type format struct {
	lang    string
	group   string // between groups of three digits
	decimal string
	units   [5]string // byte and its decimal multiples
	months  [12]string
	first   string // what follows the first day of a month
	at      string // between a date and a time
	clock   string // layout of a time, as package time reads it
}

var (
	english = format{
		lang: "en", group: ",", decimal: ".",
		units:  [...]string{"B", "kB", "MB", "GB", "TB"},
		months: [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
		at:     ", ",
		clock:  "15:04",
	}
	french = format{
		lang: "fr", group: narrow, decimal: ",",
		units:  [...]string{"o", "ko", "Mo", "Go", "To"},
		months: [...]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
		first:  "er",
		at:     " à ",
		clock:  "15" + narrow + "h" + narrow + "04",
	}
)

// Number returns n with its digits in groups: 1,284 or 1 284.
func (c *catalogue) Number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + c.format.group + digits[i:]
	}
	return sign + digits
}

// Size returns an amount of storage in the largest unit that leaves at least 1,
// with up to two decimals: 4.71 GB or 4,71 Go. Units are decimal, 1 GB is 10⁹
// bytes. Nothing is 0 GB, gigabytes being what sizes are set in.
func (c *catalogue) Size(bytes int64) string {
	if bytes == 0 {
		return "0\u00a0" + c.format.units[3]
	}
	sign := ""
	if bytes < 0 {
		sign, bytes = "-", -bytes
	}
	if bytes < 1000 {
		return sign + strconv.FormatInt(bytes, 10) + "\u00a0" + c.format.units[0]
	}
	unit, hundredth := 1, int64(10)
	value := func() int64 { return (bytes + hundredth/2) / hundredth }
	// The rounded value decides, so that 999,999 bytes read 1 MB and not 1,000 kB.
	for value() >= 100_000 && unit < len(c.format.units)-1 {
		unit++
		hundredth *= 1000
	}
	v := value()
	s := sign + c.Number(v/100)
	if rest := v % 100; rest != 0 {
		s += c.format.decimal + strconv.FormatInt(rest/10, 10)
		if rest%10 != 0 {
			s += strconv.FormatInt(rest%10, 10)
		}
	}
	return s + "\u00a0" + c.format.units[unit]
}

// Date returns the day of t in the reader's zone: 31 Dec 2026 or 31 déc. 2026.
// The zero time is "", as it is for the other ways to write a time.
func (l *Locale) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	year, month, day := t.In(l.zone).Date()
	s := strconv.Itoa(day)
	if day == 1 {
		s += l.format.first
	}
	return s + " " + l.format.months[month-1] + " " + strconv.Itoa(year)
}

// Time returns the time of day of t in the reader's zone: 23:59 or 23 h 59.
func (l *Locale) Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.zone).Format(l.format.clock)
}

// DateTime returns both: 31 Dec 2026, 23:59 or 31 déc. 2026 à 23 h 59.
func (l *Locale) DateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return l.Date(t) + l.format.at + l.Time(t)
}

// DateInput returns the day of t in the reader's zone as a date field holds it:
// 2026-12-31.
func (l *Locale) DateInput(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.zone).Format(time.DateOnly)
}

// DateTimeInput returns t in the reader's zone as a field for a date with its
// time holds it: 2026-12-31T23:59, with seconds where there are some.
func (l *Locale) DateTimeInput(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if t = t.In(l.zone); t.Second() != 0 {
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format("2006-01-02T15:04")
}

// Zone names the reader's time zone as it was chosen: Europe/Paris.
func (l *Locale) Zone() string { return l.zone.String() }
