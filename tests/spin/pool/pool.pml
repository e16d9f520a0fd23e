/* SPDX-License-Identifier: MIT */
/*
 * The pool: slots, permits, the queue with its attention word, and the death
 * of a worker or of the broker.
 *
 * What is shared between processes is read or written in one statement at a
 * time: a d_step is one atomic operation (a CAS) of the real code.
 *
 * Parameters (-D): NS slots, MAXCONN, REQS requests of each of two workers,
 * KILLS deaths of workers, BKILLS deaths of the broker.  MUT_*: a fault that
 * the model must find.
 *
 * Checked: never two holders of a slot; never more than MAXCONN requests; once
 * nothing moves any more: nobody waits, every slot is free or idle in living
 * hands, all counts are back at 0.
 */
#define NW 2
#ifndef NS
#define NS 2
#endif
#ifndef MAXCONN
#define MAXCONN 1
#endif
#ifndef REQS
#define REQS 2
#endif
#ifndef KILLS
#define KILLS 0
#endif
#ifndef BKILLS
#define BKILLS 0
#endif
#define BROKER 0 /* as a holder */
#define NONE 255
#define ROOM 6   /* of a channel: more than can be under way */

mtype = { FREE, DIALING, LEASED, IDLE, CLOSING };
mtype = { LEASE, RELEASED, CLOSE, HOLD, HOLD_CLOSED, HOLD_END, GRANT, KEEP, REVOKE };

typedef word {
	mtype st;
	byte holder; /* instance */
	byte gen
};

/* --- the board --- */
word slot[NS];
byte cell[NW];
bit attention;

/* --- channels: of worker w with the broker's incarnation b: w * 2 + b --- */
chan up[4] = [ROOM] of { mtype, byte, byte };
chan down[4] = [ROOM] of { mtype, byte, byte };

/* --- master --- */
byte instance[NW];  /* living instance of each worker */
byte next_instance = 1;
byte dead[NW];      /* an instance whose DEAD the broker has not handled */
byte kills = KILLS; /* deaths of workers still to come */
byte bkills = BKILLS;
byte binc;          /* incarnation of the broker */
bit balive;

/* --- ghosts, for the assertions --- */
byte owner[NS];     /* instance that uses the connection now */
byte inuse;
bit waits[NW];

/*
 * A process may die after each thing it does that others can see; between
 * those nobody can tell when it died.
 */
#if KILLS
#define DIE                                                       \
	if                                                        \
	:: atomic { kills > 0 -> kills-- }; goto dying            \
	:: skip                                                   \
	fi;                                                       \
	skip
#else
#define DIE skip
#endif
#if BKILLS
#define BDIE if :: bkills > 0 -> goto dying :: skip fi; skip
#else
#define BDIE skip
#endif

#define UP(w) up[(w) * 2 + ch]
#define DOWN(w) down[(w) * 2 + ch]

/* ------------------------------------------------------------------ worker */

/* Into the void when nobody reads it any more. */
inline say(m, a, b)
{
	atomic {
		if
		:: ch == binc && balive ->
			assert(nfull(UP(w)));
			UP(w)!m, a, b
		:: else
		fi
	}
}

/* KEEP or REVOKE for an own idle slot. */
inline on_idle_msg()
{
	d_step {
		if
		:: own[ms] == mg && mt == KEEP -> asked[ms] = 0
		:: own[ms] == mg && mt == REVOKE -> own[ms] = 0
		:: else
		fi;
		mt = 0; ms = 0; mg = 0
	}
}

/* A new broker, and the old channel is read to its end: say what is held. */
inline reconnect(using)
{
	atomic { ch < binc && balive && empty(DOWN(w)) -> ch = binc };
	/* what the old broker added for a GRANT that never came */
	cell[w] = (using != NONE -> 1 : 0);
	i = 0;
	do
	:: i < NS ->
		asked[i] = 0;
		if
		:: slot[i].holder != me -> own[i] = 0 /* stolen by the dead */
		:: slot[i].holder == me && slot[i].st == CLOSING ->
			say(HOLD_CLOSED, i, slot[i].gen)
		:: slot[i].holder == me && slot[i].st != CLOSING ->
			if
			:: using == i -> say(HOLD, i, g)
			:: using != i && own[i] == slot[i].gen ->
				say(HOLD, i, own[i])
			:: else
			fi
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	say(HOLD_END, 0, 0);
	if
	:: waits[w] -> say(LEASE, 0, 0)
	:: else
	fi
}

/* limit_try(): add, sum cell by cell, undo when over. */
inline limit_try(c)
{
	cell[c]++;
	x = cell[0];
	x = x + cell[1];
	if
	:: x > MAXCONN -> cell[c]--; x = 0
	:: else -> x = 1
	fi
}

inline own_reuse()
{
	limit_try(w);
	DIE; /* as good as within */
	if
	:: x == 1 ->
		i = 0;
		do
		:: i < NS && s == NONE ->
			if
			:: own[i] != 0 && !asked[i] ->
				d_step { /* CAS */
					if
					:: slot[i].st == IDLE &&
					   slot[i].holder == me &&
					   slot[i].gen == own[i] ->
						slot[i].st = LEASED;
						s = i; g = own[i]
					:: else
					fi;
					own[i] = 0
				}
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		DIE;
		if
		:: s == NONE -> cell[w]--
		:: else
		fi
	:: else
	fi;
	x = 0
}

inline lease()
{
	waits[w] = 1;
	say(LEASE, 0, 0);
	DIE;
	do
	:: DOWN(w)?mt, ms, mg ->
		if
		:: mt == GRANT ->
			d_step {
				s = ms; g = mg; waits[w] = 0;
				own[s] = 0;
				mt = 0; ms = 0; mg = 0
			};
			break
		:: else -> on_idle_msg()
		fi
#if BKILLS
	:: reconnect(NONE)
#endif
	od
}

inline use()
{
	skip; /* no jump into a d_step */
	d_step {
		assert(owner[s] == 0);
		owner[s] = me;
		inuse++;
		assert(inuse <= MAXCONN);
		assert(slot[s].st == LEASED && slot[s].holder == me)
	};
	do
	:: DOWN(w)?mt, ms, mg -> on_idle_msg()
#if BKILLS
	:: reconnect(s)
#endif
	:: break
	od;
	DIE;
	d_step { owner[s] = 0; inuse-- }
}

inline release()
{
#ifdef MUT_ATTENTION_EARLY
	x = attention;
#endif
	d_step {
		assert(slot[s].st == LEASED && slot[s].holder == me &&
		    slot[s].gen == g);
		slot[s].st = IDLE
	};
	DIE;
	own[s] = g;
	cell[w]--;
	DIE;
#ifndef MUT_ATTENTION_EARLY
	x = attention;
#endif
	if
	:: x == 1 -> asked[s] = 1; say(RELEASED, s, g)
	:: else
	fi;
	x = 0
}

inline close_it()
{
	d_step {
		assert(slot[s].st == LEASED && slot[s].holder == me &&
		    slot[s].gen == g);
		slot[s].st = CLOSING
	};
	DIE;
	cell[w]--;
	DIE;
	say(CLOSE, s, g)
}

proctype worker(byte w; byte me; byte reqs; byte ch)
{
	byte own[NS]; /* generation of an own idle slot, 0: none */
	bit asked[NS];
	byte s = NONE, g, i, x, ms, mg;
	mtype mt;

	do
	:: DOWN(w)?mt, ms, mg ->
		assert(mt != GRANT);
		on_idle_msg()
#if BKILLS
	:: reconnect(NONE)
#endif
	:: reqs > 0 ->
		reqs--;
		/* without a broker attention means nothing */
		if
		:: ch < binc || attention == 0 -> own_reuse()
		:: else
		fi;
		if
		:: s == NONE -> lease()
		:: else
		fi;
		use();
		if
		:: release()
		:: close_it()
		fi;
		s = NONE; g = 0
	od;
#if KILLS
dying:
	skip;
	d_step { waits[w] = 0; dead[w] = me }
#else
	skip
#endif
}

/* ------------------------------------------------------------------ broker */

inline tell(to, m, a, b)
{
	atomic {
		assert(nfull(DOWN(to)));
		DOWN(to)!m, a, b
	}
}

/* x = 1: worker t has a connection and a permit. */
inline serve(t)
{
	limit_try(t);
	BDIE;
	if
	:: x == 1 ->
		x = 0;
		i = 0;
		do
		:: i < NS && x == 0 ->
			d_step { /* CAS IDLE(from) -> LEASED(t) */
				if
				:: dep[i] && slot[i].st == IDLE ->
					from = slot[i].holder;
					slot[i].st = LEASED;
					slot[i].holder = instance[t];
					x = 1
				:: else
				fi
			};
			BDIE;
			if
			:: x == 1 ->
				tell(t, GRANT, i, slot[i].gen);
				BDIE;
				if
				:: from != BROKER && from != instance[t] ->
					tell(1 - t, REVOKE, i, slot[i].gen)
				:: else
				fi
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0; from = 0;
		do
		:: i < NS && x == 0 ->
			d_step { /* CAS FREE -> DIALING */
				if
				:: slot[i].st == FREE ->
					slot[i].st = DIALING;
					slot[i].holder = BROKER;
					slot[i].gen = slot[i].gen % 7 + 1;
					x = 1
				:: else
				fi
			};
			BDIE;
			if
			:: x == 1 ->
				d_step { /* CAS DIALING -> LEASED(t) */
					slot[i].st = LEASED;
					slot[i].holder = instance[t];
					dep[i] = 1
				};
				BDIE;
				tell(t, GRANT, i, slot[i].gen)
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if
		:: x == 0 -> cell[t]--
		:: else
		fi
	:: else
	fi
}

inline queue_del(at)
{
	d_step {
		if
		:: at == 0 -> q[0] = q[1]
		:: else
		fi;
		q[1] = NONE;
		qn--
	}
}

/* The queue in its order; attention is set while somebody waits. */
inline retry()
{
	do
	:: qn > 0 ->
		serve(q[0]);
		if
		:: x == 1 -> queue_del(0)
		:: else -> break
		fi
	:: else -> break
	od;
	x = 0;
	if
	:: qn == 0 -> attention = 0
	:: else
	fi
}

inline on_lease(f)
{
	d_step { q[qn] = f; qn++ };
	retry();
	if
	:: qn > 0 ->
		attention = 1;
		BDIE;
#ifndef MUT_NO_RESCAN
		retry() /* what was released before it could be seen */
#endif
	:: else
	fi
}

inline vacate(k)
{
	d_step {
		slot[k].st = FREE;
		slot[k].holder = BROKER;
		dep[k] = 0;
		held[k] = 0
	}
}

inline on_hold(f)
{
	if
	:: slot[ms].holder == instance[f] && slot[ms].gen == mg ->
		if
#ifdef MUT_HOLD_BY_WORD
		:: slot[ms].st == CLOSING -> vacate(ms)
#else
		/* not the word: it may say CLOSING since, and CLOSE follow */
		:: mt == HOLD_CLOSED -> vacate(ms)
#endif
		:: else -> d_step { dep[ms] = 1; held[ms] = 1 }
		fi
	:: else -> assert(false)
	fi;
	retry()
}

/* LEASED to f, which does not claim it: its GRANT never arrived. */
inline on_hold_end(f)
{
	i = 0;
	do
	:: i < NS ->
		if
		:: slot[i].st == LEASED && slot[i].holder == instance[f] &&
		   !held[i] ->
			assert(owner[i] == 0);
			vacate(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	retry()
}

inline on_msg(f)
{
	if
	:: mt == LEASE -> on_lease(f)
	:: mt == RELEASED ->
		retry();
		if
		:: slot[ms].st == IDLE && slot[ms].holder == instance[f] &&
		   slot[ms].gen == mg ->
			tell(f, KEEP, ms, mg)
		:: else
		fi
	:: mt == CLOSE ->
		assert(slot[ms].st == CLOSING && slot[ms].gen == mg &&
		    slot[ms].holder == instance[f]);
		vacate(ms);
		retry()
	:: mt == HOLD || mt == HOLD_CLOSED -> on_hold(f)
	:: mt == HOLD_END -> on_hold_end(f)
	fi;
	d_step { mt = 0; ms = 0; mg = 0 }
}

/* DEAD: its channel to the end, its slots, its cells; then the successor. */
inline on_dead(f)
{
	do
	:: UP(f)?mt, ms, mg -> on_msg(f)
	:: empty(UP(f)) -> break
	od;
	if
	:: qn > 0 && q[0] == f -> queue_del(0)
	:: qn > 1 && q[1] == f -> queue_del(1)
	:: else
	fi;
	i = 0;
	do
	:: i < NS ->
		if
		:: slot[i].holder == dead[f] && slot[i].st == IDLE && dep[i] ->
			slot[i].holder = BROKER
		:: slot[i].holder == dead[f] &&
		   (slot[i].st != IDLE || !dep[i]) ->
#ifndef MUT_NO_SWEEP
			d_step {
				if
				:: owner[i] == dead[f] -> inuse--; owner[i] = 0
				:: else
				fi
			};
			vacate(i)
#else
			skip
#endif
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	atomic {
		/* a new channel */
		do
		:: nempty(DOWN(f)) -> DOWN(f)?mt, ms, mg
		:: nempty(UP(f)) -> UP(f)?mt, ms, mg
		:: empty(DOWN(f)) && empty(UP(f)) -> break
		od;
		mt = 0; ms = 0; mg = 0;
		cell[f] = 0;
		dead[f] = 0;
		instance[f] = next_instance;
		next_instance++;
		run worker(f, instance[f], 1, ch)
	};
	retry()
}

/* What the former broker had alone. */
inline adopt()
{
	do
	:: i < NS ->
		if
		:: slot[i].holder == BROKER && slot[i].st != FREE -> vacate(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	attention = 0;
	balive = 1
}

proctype broker(byte ch)
{
	bit dep[NS];  /* has a copy of the descriptor */
	bit held[NS]; /* claimed after the former broker's death */
	byte q[NW], qn, i, x, ms, mg, from;
	mtype mt;

	adopt();
	do
	:: up[0 + ch]?mt, ms, mg -> on_msg(0)
	:: up[2 + ch]?mt, ms, mg -> on_msg(1)
#if KILLS
	:: dead[0] != 0 -> on_dead(0)
	:: dead[1] != 0 -> on_dead(1)
#endif
#if BKILLS
	:: bkills > 0 -> goto dying
#endif
	od;
#if BKILLS
dying:
	atomic {
		bkills--;
		balive = 0;
		binc++;
		run broker(binc)
	}
#else
	skip
#endif
}

/* ------------------------------------------------------------------ master */

/* Nothing moves any more. */
proctype checker()
{
	byte k;

	timeout;
	d_step {
		do
		:: k < NW ->
			assert(!waits[k]);
			assert(cell[k] == 0);
			assert(dead[k] == 0);
			k++
		:: else -> break
		od;
		k = 0;
		do
		:: k < NS ->
			assert(slot[k].st == FREE || slot[k].st == IDLE);
			assert(slot[k].holder == BROKER ||
			    slot[k].holder == instance[0] ||
			    slot[k].holder == instance[1]);
			assert(owner[k] == 0);
			k++
		:: else -> break
		od;
		assert(attention == 0 && inuse == 0)
	}
}

init
{
	byte k;

	atomic {
		do
		:: k < NS -> slot[k].st = FREE; k++
		:: else -> break
		od;
		k = 0;
		balive = 1;
		run broker(0);
		do
		:: k < NW ->
			instance[k] = next_instance;
			next_instance++;
			run worker(k, instance[k], REQS, 0);
			k++
		:: else -> break
		od;
		run checker()
	}
}
