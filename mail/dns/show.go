package dns

import (
	"fmt"
	"strings"
)

// What is shown of a stranger's record at most: values, and bytes of each.
const (
	maxShown      = 4
	maxShownBytes = 512
)

func shownAll(values []string) []string {
	values = values[:min(len(values), maxShown)]
	for i, v := range values {
		values[i] = shown(v)
	}
	return values
}

// shown is a text of a stranger as it may be shown: what is not printable ASCII
// is written as the number of its byte, as in a zone, and what is too long ends in "…".
func shown(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if b.Len() >= maxShownBytes {
			return b.String() + "…"
		}
		if c := text[i]; c < ' ' || c > '~' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// plain undoes how the library writes the octets of a string: \" and \\, and \DDD
// for what is not printable.
func plain(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		if i+3 < len(text) && digits(text[i+1:i+4]) {
			b.WriteByte((text[i+1]-'0')*100 + (text[i+2]-'0')*10 + text[i+3] - '0')
			i += 3
			continue
		}
		i++
		b.WriteByte(text[i])
	}
	return b.String()
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
