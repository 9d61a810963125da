package models

import (
	"slices"
	"strconv"
	"strings"
)

// WalkQuery is a page of things in the order of their name, of which Search is
// the beginning. It is read by keyset: a cursor is the name of the last thing of
// the page before, or of the first of the page after.
type WalkQuery struct {
	Search        string
	After, Before string
}

type walk struct {
	search, cursor string
	back           bool
	size           int
}

// walk is the query ready to be asked. ok is false when nothing can match.
func (q WalkQuery) walk(size int) (w walk, ok bool) {
	w = walk{search: strings.ToLower(strings.TrimSpace(q.Search)), cursor: q.After, size: size}
	if q.After == "" && q.Before != "" {
		w.cursor, w.back = q.Before, true
	}
	return w, storable(w.search) && storable(w.cursor)
}

// where is the condition on a column, with the parameters of args from n on. An
// empty search or cursor holds for all, so that one statement serves every page.
func (w walk) where(column string, n int) string {
	than := " > "
	if w.back {
		than = " < "
	}
	cursor, from, to := "$"+strconv.Itoa(n), "$"+strconv.Itoa(n+1), "$"+strconv.Itoa(n+2)
	return column + than + cursor + " AND " + column + " >= " + from + " AND " + column + " < " + to
}

// args are the parameters of where after those given.
func (w walk) args(before ...any) []any {
	return append(before, w.cursor, w.search, w.search+"\U0010FFFF")
}

// order cuts the page, with one row more that tells whether there is another.
func (w walk) order(column string) string {
	if w.back {
		column += " DESC"
	}
	return " ORDER BY " + column + " LIMIT " + strconv.Itoa(w.size+1)
}

// walked cuts the row that only tells that there are more, turns a page walked
// backwards round, and gives the cursors.
func walked[T any](w walk, items []T, name func(*T) string) (page []T, previous, next string) {
	more := len(items) > w.size
	items = items[:min(len(items), w.size)]
	if w.back {
		slices.Reverse(items)
	}
	if len(items) == 0 {
		return items, "", ""
	}
	if more || w.back {
		next = name(&items[len(items)-1])
	}
	if w.cursor != "" && (!w.back || more) {
		previous = name(&items[0])
	}
	return items, previous, next
}
